"""Values that no database and no worker could hold are refused at the door, never with a 500."""

import base64
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from autointerp import plugins
from tests.api.conftest import Queue
from tests.api.seed import Seeded

HUGE = 10**23
HARVEST: dict[str, Any] = {
    "subject": {"model": "m"},
    "saes": [{"path": "s"}],
    "corpus": {"kind": "stdlib"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"features": {"indices": []}},
        {"features": {"min_firings": HUGE}},
        {"features": {"start": HUGE}},
        {"features": {"sample": HUGE}},
        {"features": {"sae": HUGE}},
        {"features": {"indices": [HUGE]}},
        {"budget": {"tokens": HUGE}},
        {"budget": {"dollars": 1e300}},
        {"seed": HUGE},
    ],
    ids=str,
)
def test_a_run_with_a_number_beyond_reason_is_refused(
    reader: TestClient, seeded: Seeded, change: dict[str, Any]
) -> None:
    spec = {"harvest": seeded.harvest, "explainers": ["token_statistics"], **change}

    answer = reader.post("/v1/runs", json=spec)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("field", ["name", "llm", "harvest"])
def test_a_run_with_a_text_beyond_reason_is_refused(reader: TestClient, seeded: Seeded, field: str) -> None:
    spec = {"harvest": seeded.harvest, "explainers": ["token_statistics"], field: "a/" + "x" * 10_000}

    assert reader.post("/v1/runs", json=spec).status_code == 422


@pytest.mark.parametrize(("where", "key"), [("subject", "model"), ("subject", "revision"), ("corpus", "path")])
def test_a_harvest_with_a_text_beyond_reason_is_refused(reader: TestClient, where: str, key: str) -> None:
    spec = {**HARVEST, "corpus": {"kind": "jsonl", "path": "p"}}

    answer = reader.post("/v1/harvests", json={**spec, where: {**spec[where], key: "x" * 10_001}})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].endswith(key)


def test_an_infinite_budget_is_refused(reader: TestClient, seeded: Seeded) -> None:
    spec = {"harvest": seeded.harvest, "explainers": ["token_statistics"], "budget": {"dollars": 1}}
    body = json.dumps(spec).replace('"dollars": 1', '"dollars": Infinity')

    answer = reader.post("/v1/runs", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422


@pytest.mark.parametrize("field", ["tokens", "context", "batch", "segment", "window", "pool", "shards", "intervals"])
def test_a_harvest_with_a_number_beyond_reason_is_refused(reader: TestClient, field: str) -> None:
    answer = reader.post("/v1/harvests", json={**HARVEST, field: HUGE})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"body.{field}"


def test_the_whole_catalogue_of_plug_ins_can_be_read(reader: TestClient) -> None:
    items = reader.get("/v1/plugins").raise_for_status().json()["items"]

    assert {(one["role"], one["name"]) for one in items} == {
        (role, name) for role in plugins.ROLES for name in plugins.names(role)
    }
    assert all(one["options"]["type"] == "object" for one in items)


@pytest.mark.parametrize("path", ["/v1/runs/%00", "/v1/harvests/%00", "/v1/features?harvest_id=%00"])
def test_a_nul_character_is_no_failure_of_ours(reader: TestClient, path: str) -> None:
    assert reader.get(path).status_code in (404, 422)


def test_a_cursor_with_a_nul_character_is_no_failure_of_ours(reader: TestClient) -> None:
    following: str = reader.get("/v1/runs", params={"limit": 1}).json()["next"]
    content = json.loads(base64.urlsafe_b64decode(following + "=" * (-len(following) % 4)))
    content["after"] = "\x00"
    token = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    assert reader.get("/v1/runs", params={"cursor": token}).status_code in (200, 422)


def test_a_harvest_is_cancelled_and_taken_up_again(client: TestClient, queue: Queue) -> None:
    made = client.post("/v1/harvests", json=HARVEST).json()

    cancelled = client.post(f"/v1/harvests/{made['id']}/cancel")
    again = client.post(f"/v1/harvests/{made['id']}/cancel")
    resumed = client.post(f"/v1/harvests/{made['id']}/resume")

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert again.status_code == 409
    assert (resumed.status_code, resumed.json()["state"]) == (202, "waiting")
