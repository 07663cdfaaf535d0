"""Explanations are found by their words, on either database in the same way."""

import pytest
from fastapi.testclient import TestClient

from autointerp.domain.explanations import Explanation
from autointerp.storage import explanations
from autointerp.storage.engine import Database
from tests.api.seed import Seeded, seed

TEXTS = (
    "names of colours, red above all",
    "the colour of cats",
    "a cat that is running",
    "calls of os.path.join and the_other",
    "cats, cats and cats",
    "naïve claims",
)


@pytest.fixture
def stored(database: Database) -> Seeded:
    """What this test's own database holds."""
    found = seed(database)
    with database.write() as session:
        for position, text in enumerate(TEXTS):
            explanations.add(
                session,
                run_id=None,
                harvest_id=found.harvest,
                feature_id=found.features[6 + position % 2],
                position=position,
                explainer="default" if position % 2 else "contrastive",
                options={},
                explanation=Explanation(text=text, shown=(), prompt=None, request=None),
                model=None,
                seed=0,
                tokens=0,
                cost=None,
            )
    return found


def texts(client: TestClient, text: str, **filters: object) -> list[str]:
    answer = client.get("/v1/searches", params={"text": text, **filters})
    assert answer.status_code == 200, answer.text
    return [hit["explanation"]["text"] for hit in answer.json()["items"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("colour", {"names of colours, red above all", "the colour of cats"}),
        ("CAT colour", {"the colour of cats"}),
        ("runs cats", {"a cat that is running"}),
        ("path", {"calls of os.path.join and the_other"}),
        ("other", {"calls of os.path.join and the_other"}),
        ('"path join"', {"calls of os.path.join and the_other"}),
        ('"join path"', set()),
        ("the", {"the colour of cats", "calls of os.path.join and the_other"}),
        ("naïve", {"naïve claims"}),
        ("no such words", set()),
        ('cat" OR "red', set()),
        ("cat* NEAR(red", set()),
    ],
)
def test_all_words_are_found_in_any_form_and_nothing_else(
    client: TestClient, stored: Seeded, text: str, found: set[str]
) -> None:
    assert set(texts(client, text, explainer="default") + texts(client, text, explainer="contrastive")) == found


def test_what_fits_best_comes_first_with_the_words_marked(client: TestClient, stored: Seeded) -> None:
    hits = client.get("/v1/searches", params={"text": "cats"}).json()["items"]

    assert hits[0]["explanation"]["text"] == "cats, cats and cats"
    assert [piece["text"] for piece in hits[0]["pieces"] if piece["found"]] == ["cats"] * 3
    for hit in hits:
        assert "".join(piece["text"] for piece in hit["pieces"]) == hit["explanation"]["text"]
        assert any(piece["found"] for piece in hit["pieces"])
    relevance = [hit["relevance"] for hit in hits]
    assert relevance == sorted(relevance, reverse=True)
    assert (hits[0]["sae_id"], hits[0]["index"]) == (stored.sae, 6)


def test_filters_choose_explanations(client: TestClient, stored: Seeded) -> None:
    everything = texts(client, "cats")

    assert texts(client, "cats", model_id=stored.model, sae_id=stored.sae, harvest_id=stored.harvest) == everything
    assert texts(client, "cats", model_id=stored.model + 1) == []
    assert texts(client, "cats", sae_id=stored.sae + 1) == []
    assert texts(client, "cats", harvest_id=stored.waiting_harvest) == []
    assert set(texts(client, "cats", min_score=0.7)) == {"fires on [red] cats"}
    assert texts(client, "cats", min_score=0.7, scorer="no_such") == []
    assert texts(client, "cats", min_score=0.8) == []


def test_pages_follow_each_other_without_a_gap(client: TestClient, stored: Seeded) -> None:
    everything = texts(client, "cats")
    pages: list[str] = []
    cursor: str | None = None
    while cursor is not None or not pages:
        params = {"text": "cats", "limit": 1} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/searches", params=params).json()
        pages += [hit["explanation"]["text"] for hit in page["items"]]
        cursor = page["next"]

    assert pages == everything
    assert len(pages) > 3


def test_a_text_without_words_is_refused(client: TestClient, stored: Seeded) -> None:
    answer = client.get("/v1/searches", params={"text": "?! *"})

    assert (answer.status_code, "no word" in answer.json()["detail"]) == (422, True)
