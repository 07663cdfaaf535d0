"""Runs are paused, put before others, retried, extended and followed over the API."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from autointerp.storage import runs
from autointerp.storage.engine import Database
from tests.api.conftest import Queue, app_over
from tests.api.seed import Seeded, seed
from tests.api.test_work import _spec as spec_of


@pytest.fixture
def stored(database: Database) -> Seeded:
    """What this test's own database holds."""
    return seed(database)


@pytest.fixture
def run(client: TestClient, stored: Seeded) -> str:
    """A run under way."""
    return client.post("/v1/runs", json=spec_of(stored)).json()["id"]


def test_a_run_is_paused_and_resumed(client: TestClient, run: str) -> None:
    paused = client.post(f"/v1/runs/{run}/pause")
    listed = client.get("/v1/runs", params={"state": "paused"}).json()["items"]
    resumed = client.post(f"/v1/runs/{run}/resume")

    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    assert [one["id"] for one in listed] == [run]
    assert (resumed.status_code, resumed.json()["state"]) == (202, "running")


def test_the_priority_of_a_run_is_changed(client: TestClient, run: str) -> None:
    answer = client.patch(f"/v1/runs/{run}", json={"priority": 7})

    assert (answer.status_code, answer.json()["priority"], answer.json()["spec"]["priority"]) == (200, 7, 0)
    wrong = [{"priority": 11}, {"priority": 1, "state": "complete"}, {}]
    assert [client.patch(f"/v1/runs/{run}", json=one).status_code for one in wrong] == [422] * 3


def test_failed_features_are_tried_again(client: TestClient, stored: Seeded, queue: Queue) -> None:
    [failure] = client.get(f"/v1/runs/{stored.run}/failures").json()["items"]

    refused = client.post(f"/v1/runs/{stored.run}/retry", json={"features": [failure["feature_id"] + 1]})
    answer = client.post(f"/v1/runs/{stored.run}/retry", json={"features": [failure["feature_id"]]})

    assert refused.status_code == 422
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert (answer.json()["progress"]["waiting"], answer.json()["progress"]["failed"]) == (1, 0)
    assert len(queue.submitted) == 1
    assert client.post(f"/v1/runs/{stored.run}/retry").status_code == 409


def test_a_run_is_extended_once(client: TestClient, database: Database, run: str) -> None:
    more = {"scorers": [{"name": "fuzzing", "judge": "lexical"}]}
    under_way = client.post(f"/v1/runs/{run}/extend", json=more)
    client.post(f"/v1/runs/{run}/cancel")

    first, again = (client.post(f"/v1/runs/{run}/extend", json=more) for _ in range(2))

    assert under_way.status_code == 409
    assert (first.status_code, first.json()["extends"]) == (202, run)
    assert client.get(first.headers["location"]).json()["id"] == again.json()["id"] == first.json()["id"]
    assert [one["name"] for one in first.json()["spec"]["scorers"]] == ["detection", "fuzzing"]
    assert client.post(f"/v1/runs/{run}/extend", json={}).status_code == 422


def test_the_stages_of_a_run_are_counted(client: TestClient, stored: Seeded) -> None:
    stages = client.get(f"/v1/runs/{stored.run}").json()["progress"]["stages"]

    assert {stage["name"]: stage["done"] for stage in stages} == {"explain": 2, "score": 2}


def test_two_posts_at_once_with_one_key_give_one_run_also_after_a_restart(
    client: TestClient, database: Database, stored: Seeded
) -> None:
    def post(_: int) -> str:
        return client.post("/v1/runs", json=spec_of(stored), headers={"Idempotency-Key": "k"}).json()["id"]

    with ThreadPoolExecutor(6) as threads:
        made = set(threads.map(post, range(12)))
    with TestClient(app_over(database, Queue())) as restarted:
        later = restarted.post("/v1/runs", json=spec_of(stored), headers={"Idempotency-Key": "k"})

    assert {later.json()["id"]} == made
    with database.read() as session:
        assert sum(one.id in made for one in runs.list_runs(session, state=None, after=None, limit=100)) == 1


def test_a_run_is_followed_to_its_end_and_the_end_is_told_once(client: TestClient, stored: Seeded) -> None:
    answer = client.get(f"/v1/runs/{stored.run}/events")
    told = [block for block in answer.text.split("\n\n") if "event:" in block]
    fields = dict(line.split(": ", 1) for line in told[0].splitlines())
    again = client.get(f"/v1/runs/{stored.run}/events", headers={"Last-Event-ID": fields["id"]})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (len(told), fields["event"]) == (1, "end")
    polled = client.get(f"/v1/runs/{stored.run}").json()
    assert json.loads(fields["data"]) == {key: polled[key] for key in ("id", "state", "error", "progress")}
    assert (again.status_code, again.content) == (204, b"")
    assert client.get("/v1/runs/none/events").status_code == 404


def test_a_run_that_is_cancelled_while_it_is_followed_ends_the_stream(client: TestClient, run: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(client.get, f"/v1/runs/{run}/events")
        client.post(f"/v1/runs/{run}/cancel")

    kinds = [line for line in following.result().text.splitlines() if line.startswith("event:")]
    assert kinds[-1] == "event: end"
