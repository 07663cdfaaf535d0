"""A text becomes tokens and tokens become the text again."""

from fastapi.testclient import TestClient

from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.storage.records import HarvestRecord
from tests.pipeline.world import World

NOW = {"Prefer": "wait=10"}
TEXT = "The red fox ran to London <s> in 1984, naïve."


def test_a_text_goes_round(client: TestClient, harvest: HarvestRecord) -> None:
    there = client.post("/v1/tokens", json={"model_id": harvest.model_id, "text": TEXT}, headers=NOW)
    tokens = there.json()["result"]["tokens"]
    back = client.post("/v1/tokens", json={"harvest_id": harvest.id, "tokens": tokens}, headers=NOW)

    assert (there.status_code, back.status_code) == (200, 200)
    assert there.json()["result"] == back.json()["result"]
    assert len(back.json()["result"]["pieces"]) == len(tokens)
    assert client.get(there.headers["location"]).json() == there.json()


def test_the_tokens_are_those_of_the_models_own_tokenizer(
    client: TestClient, world: World, subjects: LoadedSubjects, harvest: HarvestRecord
) -> None:
    words = "the fox ran"
    tokenizer = subjects.subject(world.harvest).model.tokenizer

    result = client.post("/v1/tokens", json={"harvest_id": harvest.id, "text": words}, headers=NOW).json()["result"]

    assert result["tokens"] == tokenizer(words, add_special_tokens=False).input_ids


def test_a_record_is_found_at_its_own_address_only(client: TestClient, harvest: HarvestRecord) -> None:
    made = client.post("/v1/tokens", json={"harvest_id": harvest.id, "text": TEXT}, headers=NOW).json()

    assert client.get(f"/v1/activations/{made['id']}").status_code == 404


def test_either_a_text_or_tokens_of_a_model_that_is_there(client: TestClient, harvest: HarvestRecord) -> None:
    both = client.post("/v1/tokens", json={"harvest_id": harvest.id, "text": TEXT, "tokens": [1]})
    without = client.post("/v1/tokens", json={"text": TEXT})
    unknown = client.post("/v1/tokens", json={"model_id": 77, "text": TEXT})

    assert [both.status_code, without.status_code, unknown.status_code] == [422, 422, 404]
