"""Harvests and runs are handed in, found again by their key, cancelled and resumed."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from autointerp.api.looks import Looks
from autointerp.api.parts import Parts
from autointerp.api.schemas.harvests import SPEC_EXAMPLE
from autointerp.storage.engine import Database
from tests.api.conftest import Queue
from tests.api.seed import Seeded, seed


@pytest.fixture
def stored(database: Database) -> Seeded:
    """What this test's own database holds."""
    return seed(database)


def _spec(stored: Seeded) -> dict[str, object]:
    return {
        "harvest": stored.harvest,
        "features": {"indices": [5, 6]},
        "explainers": ["token_statistics"],
        "scorers": [{"name": "detection", "judge": "lexical"}],
    }


def test_a_harvest_is_accepted_and_can_be_read_at_its_location(client: TestClient, queue: Queue) -> None:
    answer = client.post("/v1/harvests", json=SPEC_EXAMPLE)

    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert client.get(answer.headers["location"]).json() == answer.json()


def test_a_run_is_accepted_and_can_be_read_at_its_location(client: TestClient, stored: Seeded) -> None:
    answer = client.post("/v1/runs", json=_spec(stored))

    assert answer.status_code == 202
    read = client.get(answer.headers["location"]).json()
    assert read["spec"] == answer.json()["spec"]
    assert read["spec"]["explainers"] == [{"name": "token_statistics", "options": {}}]


def test_what_is_to_be_known_of_a_runs_models_is_told_when_it_is_handed_in_and_whenever_it_is_read(
    client: TestClient, stored: Seeded
) -> None:
    asks = {**_spec(stored), "explainers": ["default"], "llm": "openai/some-model"}

    answer = client.post("/v1/runs", json=asks)
    read = client.get(answer.headers["location"]).json()
    cancelled = client.post(f"{answer.headers['location']}/cancel").json()

    [warning] = answer.json()["warnings"]
    assert "openai/some-model was never probed" in warning
    assert [warning] == read["warnings"] == cancelled["warnings"]
    assert client.post("/v1/runs", json=_spec(stored)).json()["warnings"] == []


def test_a_run_whose_endpoint_is_gone_can_still_be_read(app: FastAPI, client: TestClient, stored: Seeded) -> None:
    asks = {**_spec(stored), "explainers": ["default"], "llm": "openai/some-model"}
    location = client.post("/v1/runs", json=asks).headers["location"]
    parts: Parts = app.state.parts
    desk = replace(parts.desk, endpoints={})
    app.state.parts = replace(parts, desk=desk, looks=Looks(desk))

    [warning] = client.get(location).json()["warnings"]

    assert "can no longer be told: there is no LLM endpoint 'openai'" in warning


def test_the_same_key_gives_the_same_run(client: TestClient, stored: Seeded) -> None:
    first = client.post("/v1/runs", json=_spec(stored), headers={"Idempotency-Key": "monday"})
    again = client.post("/v1/runs", json=_spec(stored), headers={"Idempotency-Key": "monday"})
    without = client.post("/v1/runs", json=_spec(stored))

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"] != without.json()["id"]


def test_the_same_key_with_another_spec_is_a_conflict(client: TestClient, stored: Seeded) -> None:
    client.post("/v1/runs", json=_spec(stored), headers={"Idempotency-Key": "monday"})

    answer = client.post("/v1/runs", json={**_spec(stored), "seed": 1}, headers={"Idempotency-Key": "monday"})

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:autointerp:problem:conflict")


REFUSED: tuple[tuple[dict[str, object], str], ...] = (
    ({"explainers": ["no_such"]}, "token_statistics"),
    ({"scorers": [{"name": "no_such", "judge": "lexical"}]}, "detection"),
    ({"scorers": [{"name": "detection", "judge": "no_such"}]}, "lexical"),
    ({"features": {"indices": [4_000]}}, "4000"),
    ({"explainers": [{"name": "token_statistics", "options": {"no_such": 1}}]}, "no_such"),
)


def test_a_run_that_cannot_be_done_is_refused_at_once(client: TestClient, stored: Seeded) -> None:
    before = client.get("/v1/runs").json()

    for change, says in REFUSED:
        answer = client.post("/v1/runs", json={**_spec(stored), **change})

        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert says in answer.json()["detail"]
    assert client.get("/v1/runs").json() == before


def test_a_run_over_a_harvest_that_is_not_there_is_refused(client: TestClient, stored: Seeded) -> None:
    answer = client.post("/v1/runs", json={**_spec(stored), "harvest": "none"})

    assert answer.status_code == 404


def test_a_run_is_cancelled_and_resumed(client: TestClient, stored: Seeded) -> None:
    run = client.post("/v1/runs", json=_spec(stored)).json()["id"]

    cancelled = client.post(f"/v1/runs/{run}/cancel")
    resumed = client.post(f"/v1/runs/{run}/resume")

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert resumed.status_code == 202
    assert resumed.json()["state"] in ("waiting", "running")


def test_what_has_ended_cannot_be_cancelled(client: TestClient, stored: Seeded) -> None:
    answer = client.post(f"/v1/runs/{stored.run}/cancel")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:autointerp:problem:conflict")


def test_a_run_that_is_not_there_can_be_neither_cancelled_nor_resumed(client: TestClient) -> None:
    assert [client.post(f"/v1/runs/none/{verb}").status_code for verb in ("cancel", "resume")] == [404, 404]


def test_a_run_is_estimated_without_being_stored(client: TestClient, stored: Seeded) -> None:
    answer = client.post("/v1/runs/estimate", json=_spec(stored) | {"llm": "fake/honest", "explainers": ["default"]})

    assert answer.status_code == 200
    found = answer.json()
    assert found["dollars"] == {"low": 0, "likely": 0, "high": 0}
    assert [model["model"] for model in found["models"]] == ["fake/honest"]
    before = client.get("/v1/runs").json()["items"]
    assert all(run["spec"]["llm"] != "fake/honest" for run in before)
