"""A text that is posted fires the features that it fires in the harvest, to the precision that is stored."""

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Explanation
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.storage import examples, explanations
from autointerp.storage.records import FeatureRow, HarvestRecord
from tests.inquiries.conftest import PromptQueue
from tests.pipeline.world import World

NOW = {"Prefer": "wait=10"}
TEXT = "my nose is on the boat and my ear is near the axe. the red tiger climbs in the school."


def fired(world: World, row: FeatureRow) -> list[Example]:
    """Every firing example of a feature."""
    with world.desk.database.read() as session:
        found = [one for split in Split for one in examples.load(session, row.harvest_id, row.id, split)]
    return [one for one in found if one.max > 0]


def test_a_row_of_the_corpus_gives_the_activations_that_the_harvest_stored(
    client: TestClient, world: World, subjects: LoadedSubjects, rows: dict[int, FeatureRow]
) -> None:
    corpus = subjects.corpus(world.harvest)
    compared = 0
    for row in rows.values():
        for example in fired(world, row)[:4]:
            tokens = corpus.block(example.context, 1).tokens[0].tolist()
            asked = {"harvest_id": row.harvest_id, "tokens": tokens, "features": [row.record.index]}

            answer = client.post("/v1/activations", json=asked, headers=NOW)

            assert answer.status_code == 200, answer.text
            (shown,) = answer.json()["result"]["features"]
            stop = example.start + len(example.tokens)
            found = shown["activations"][example.start : stop]
            # Stored in half precision; and read alone a row may differ in the last bits.
            np.testing.assert_allclose(found, example.activations, rtol=2e-3, atol=1e-4)
            compared += 1
    assert compared > 20


def test_the_text_of_a_document_is_read_as_the_harvest_reads_it(
    client: TestClient, world: World, subjects: LoadedSubjects, rows: dict[int, FeatureRow]
) -> None:
    """Up to an example's last token, because what comes later changes nothing; in rows of one document so far."""
    corpus = subjects.corpus(world.harvest)
    vocabulary = subjects.subject(world.harvest).model.vocabulary
    compared = 0
    for row in rows.values():
        for example in fired(world, row):
            stop = example.start + len(example.tokens)
            tokens = corpus.block(example.context, 1).tokens[0].tolist()[1:stop]
            text = "".join(vocabulary.render(tokens)).lstrip()
            if vocabulary.special & set(tokens) or text.startswith(".") or compared > 40:
                continue  # a full stop is no token but after a word

            asked = {"sae_id": row.sae_id, "text": text, "features": [row.record.index]}
            result = client.post("/v1/activations", json=asked, headers=NOW).json()["result"]

            assert (result["tokens"], "".join(result["pieces"]).lstrip()) == (tokens, text)
            found = result["features"][0]["activations"][-len(example.tokens) :]
            np.testing.assert_allclose(found, example.activations, rtol=2e-3, atol=1e-4)
            compared += 1
    assert compared > 5


@pytest.mark.parametrize("by", ["peak", "mean"])
def test_the_largest_features_are_those_of_brute_force(
    client: TestClient, world: World, subjects: LoadedSubjects, harvest: HarvestRecord, by: str
) -> None:
    asked = {"harvest_id": harvest.id, "text": TEXT, "top": 5, "by": by}

    result = client.post("/v1/activations", json=asked, headers=NOW).json()["result"]

    subject = subjects.subject(world.harvest)
    (dictionary,) = subject.dictionaries
    row = torch.tensor([[subject.model.tokenizer.bos_token_id, *result["tokens"]]])
    dense = dictionary.encode(subject.model.read(row, [dictionary.hook])[dictionary.hook])[0, 1:]
    size = dense.amax(0) if by == "peak" else dense.mean(0)
    best = [index for index in size.argsort(descending=True, stable=True).tolist() if size[index] > 0][:5]
    assert "".join(result["pieces"]).lstrip() == TEXT
    assert [one["index"] for one in result["features"]] == best
    for one in result["features"]:
        column = dense[:, one["index"]]
        assert one["position"] == int(column.argmax())
        assert one["peak"] == pytest.approx(float(column.max()), rel=1e-5)
        assert one["mean"] == pytest.approx(float(column.mean()), rel=1e-5)
        assert one["activations"] is None


def test_features_come_with_their_newest_explanation(
    client: TestClient, world: World, rows: dict[int, FeatureRow]
) -> None:
    row = next(iter(rows.values()))
    with world.desk.database.write() as session:
        for position, text in enumerate(["an old one", "the new one"]):
            explanations.add(
                session,
                run_id=None,
                harvest_id=row.harvest_id,
                feature_id=row.id,
                position=position,
                explainer="default",
                options={},
                explanation=Explanation(text=text, shown=(), prompt=None, request=None),
                model=None,
                seed=0,
                tokens=0,
                cost=None,
            )
    asked = {"harvest_id": row.harvest_id, "text": TEXT, "features": [row.record.index]}

    (shown,) = client.post("/v1/activations", json=asked, headers=NOW).json()["result"]["features"]

    assert (shown["feature_id"], shown["explanation"]["text"]) == (row.id, "the new one")


def test_without_a_wish_to_wait_the_answer_is_at_the_location(
    client: TestClient, queue: PromptQueue, harvest: HarvestRecord
) -> None:
    queue.rests = True
    asked = {"harvest_id": harvest.id, "text": TEXT, "features": [1]}

    accepted = client.post("/v1/activations", json=asked)
    waiting = client.get(accepted.headers["location"]).json()
    queue.rests = False
    queue.work()
    done = client.get(accepted.headers["location"]).json()

    assert (accepted.status_code, accepted.json()["state"], waiting["result"]) == (202, "waiting", None)
    assert (done["state"], done["id"]) == ("done", accepted.json()["id"])
    assert len(done["result"]["features"][0]["activations"]) == len(done["result"]["tokens"])


def test_whoever_waits_in_vain_gets_the_location_too(
    client: TestClient, queue: PromptQueue, harvest: HarvestRecord
) -> None:
    queue.rests = True
    asked = {"harvest_id": harvest.id, "text": TEXT, "features": [1]}

    answer = client.post("/v1/activations", json=asked, headers={"Prefer": "respond-async, wait=0"})

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=0")
    assert client.get(answer.headers["location"]).status_code == 200


def test_who_asks_the_same_gets_the_same_answer(client: TestClient, queue: PromptQueue, harvest: HarvestRecord) -> None:
    by_harvest = {"harvest_id": harvest.id, "text": TEXT, "features": [1]}
    by_sae = {"sae_id": harvest.sae_ids[0], "text": TEXT, "features": [1]}

    answers = [client.post("/v1/activations", json=asked, headers=NOW).json() for asked in (by_harvest, by_sae)]

    assert answers[0] == answers[1]
    assert len(queue.done) == 1


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "give either features or top"),
        ({"features": [1], "top": 2}, "give either features or top"),
        ({"features": [1], "tokens": [3]}, "give either text or tokens"),
        ({"features": [1, 1]}, "the same feature twice"),
        ({"features": [99]}, "feature 99 does not exist"),
        ({"features": [1], "sae_id": 77}, "has no SAE 77"),
        ({"top": 101}, "at most 100 features"),
        ({"features": [1], "text": "a" * 20_001}, "20001 characters, and at most 20000"),
        ({"features": [1], "text": None, "tokens": [3] * 2_049}, "2049 tokens, and at most 2048"),
        ({"features": [1], "text": None, "tokens": [9_999]}, "there is no token 9999"),
        ({"features": [1], "text": None, "tokens": [3] * 300}, "the text has 301 tokens, and"),
        ({"features": [1], "no_such": 1}, "no_such"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(
    client: TestClient, harvest: HarvestRecord, asked: dict[str, object], says: str
) -> None:
    usual: dict[str, object] = {"harvest_id": harvest.id, "text": TEXT}
    body = {key: value for key, value in (usual | asked).items() if value is not None}
    if "tokens" in asked and asked.get("text", TEXT) is None:
        body.pop("text", None)

    answer = client.post("/v1/activations", json=body, headers=NOW)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert says in answer.json()["detail"]


def test_a_harvest_that_is_not_there_is_not_found(client: TestClient) -> None:
    answer = client.post("/v1/activations", json={"harvest_id": "none", "text": TEXT, "top": 1})

    assert answer.status_code == 404
    assert client.get("/v1/activations/none").status_code == 404
