"""A text goes on by the clean model and with features changed, by so much as was asked for."""

import pytest
from fastapi.testclient import TestClient

from autointerp.domain.steering import Change, Mode
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.storage.records import FeatureRow, HarvestRecord
from autointerp.subject.steering import Steering
from tests.inquiries.conftest import PromptQueue
from tests.pipeline.world import World

NOW = {"Prefer": "wait=10"}
TEXT = "my nose is on the boat and my ear is near the"


@pytest.fixture
def steering(world: World, subjects: LoadedSubjects) -> Steering:
    subject = subjects.subject(world.harvest)
    return Steering(subject.model, subject.dictionaries[0])


def test_the_continuations_are_those_of_the_steered_model(
    client: TestClient, steering: Steering, rows: dict[int, FeatureRow]
) -> None:
    row = rows[1]
    features = [{"index": 1, "strength": 2.0}, {"index": 2, "mode": "ablate"}]
    asked = {"sae_id": row.sae_id, "text": TEXT, "features": features, "length": 6, "temperature": 0.7, "seed": 3}

    answer = client.post("/v1/steering", json=asked, headers=NOW)

    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    tokens = client.post("/v1/tokens", json={"harvest_id": row.harvest_id, "text": TEXT}, headers=NOW).json()["result"]
    changes = [Change(1, Mode.ADD, 2 * row.record.statistics.max), Change(2, Mode.ABLATE, 0.0)]
    options = {"tokens": 6, "temperature": 0.7, "seed": 3}
    (clean,) = steering.generate_now([tokens["tokens"]], None, **options)
    (steered,) = steering.generate_now([tokens["tokens"]], changes, **options)
    assert (result["clean"], result["steered"]) == (list(clean.pieces), list(steered.pieces))
    assert result["kl"] == pytest.approx(steered.kl, rel=1e-4)
    assert result["prompt"] == tokens["pieces"]
    assert result["changes"][0]["strength"] == pytest.approx(2 * row.record.statistics.max)
    assert client.get(answer.headers["location"]).json() == answer.json()


def test_two_features_that_are_added_add_up(steering: Steering) -> None:
    prompt = [[0, 138, 9]]

    both = steering.next_logits(prompt, None), steering.kl_now(prompt, [Change(1, Mode.ADD, 3.0)])
    halves = [Change(1, Mode.ADD, 1.0), Change(1, Mode.ADD, 2.0)]

    assert steering.kl_now(prompt, halves) == pytest.approx(both[1], rel=1e-4)
    assert steering.kl_now(prompt, [Change(1, Mode.ADD, 3.0), Change(2, Mode.ADD, 3.0)]) != pytest.approx(both[1])


def test_the_strengths_are_scaled_to_the_divergence_asked_for(client: TestClient, rows: dict[int, FeatureRow]) -> None:
    features = [{"index": 1, "strength": 1.0}, {"index": 2, "strength": 0.5}]
    asked = {"sae_id": rows[1].sae_id, "text": TEXT, "features": features, "kl": 0.5, "length": 2}

    result = client.post("/v1/steering", json=asked, headers=NOW).json()["result"]

    assert result["kl"] == pytest.approx(0.5, rel=0.051)
    first, second = (one["strength"] / rows[one["index"]].record.statistics.max for one in result["changes"])
    assert first == pytest.approx(2 * second)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"features": []}, "features"),
        ({"features": [{"index": 99}]}, "feature 99 does not exist"),
        ({"features": [{"index": i} for i in range(11)]}, "at most 10 features"),
        ({"features": [{"index": 1}, {"index": 1}]}, "the same feature twice"),
        ({"features": [{"index": 1, "strength": 1e9}]}, "less than or equal to 1000"),
        ({"features": [{"index": 1, "mode": "ablate"}], "kl": 1.0}, "must be added"),
        ({"length": 257}, "at most 256 tokens are written"),
        ({"text": "a" * 20_001}, "at most 20000 are read"),
        ({"tokens": [3]}, "give either text or tokens"),
        ({"kl": 99.0}, "out of reach"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(
    client: TestClient, harvest: HarvestRecord, asked: dict[str, object], says: str
) -> None:
    usual: dict[str, object] = {"harvest_id": harvest.id, "text": TEXT, "features": [{"index": 1}], "length": 2}

    answer = client.post("/v1/steering", json=usual | asked, headers=NOW)

    assert answer.status_code == 422, answer.text
    assert says in answer.json()["detail"]


def test_a_feature_that_never_fires_has_no_unit(
    client: TestClient, harvest: HarvestRecord, rows: dict[int, FeatureRow]
) -> None:
    dead = next(index for index in range(16) if index not in rows)
    asked = {"harvest_id": harvest.id, "text": TEXT, "features": [{"index": dead}]}

    answer = client.post("/v1/steering", json=asked)

    assert (answer.status_code, "fires nowhere" in answer.json()["detail"]) == (422, True)


def test_only_so_many_wait_at_once_and_the_same_question_counts_once(
    client: TestClient, queue: PromptQueue, harvest: HarvestRecord
) -> None:
    queue.rests = True

    def ask(seed: int) -> int:
        asked = {"harvest_id": harvest.id, "text": TEXT, "features": [{"index": 1}], "length": 1, "seed": seed}
        return client.post("/v1/steering", json=asked).status_code

    statuses = [ask(seed) for seed in [*range(8), 0, 8]]
    queue.rests = False
    queue.work()

    assert statuses == [202] * 9 + [503]
    assert ask(8) == 202
