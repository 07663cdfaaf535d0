"""The numbers at /metrics are those of the run that was made, and each line of the ledger is counted once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from autointerp.domain.calls import Usage
from autointerp.domain.ledger import Attempt, AttemptStatus
from autointerp.storage import calls, workers
from autointerp.storage.engine import Database
from tests.api.conftest import Queue, app_over
from tests.api.seed import seed

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]
START = datetime(2026, 1, 1, tzinfo=UTC)


def line(seconds: float, status: AttemptStatus = AttemptStatus.ANSWERED, **changes: object) -> Attempt:
    usual: dict[str, object] = {
        "run": None,
        "request": "r" * 64,
        "prompt": None,
        "endpoint": "openai",
        "model_asked": "m-1",
        "model_answered": "m-1",
        "status": status,
        "attempt": 1,
        "usage": Usage(input=10, cache_read=5, output=2),
        "cost": 2_000_000_000,
        "provider_request": None,
        "error": None,
        "started_at": START,
        "finished_at": START + timedelta(seconds=seconds),
    }
    return Attempt(**(usual | changes))  # pyright: ignore[reportArgumentType]


def scraped(client: TestClient) -> Numbers:
    """Every sample by its name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(numbers: Numbers, name: str, **labels: str) -> float:
    return numbers[f"autointerp_{name}", tuple(sorted(labels.items()))]


def named(numbers: Numbers, name: str) -> Iterator[float]:
    return (value for (found, _), value in numbers.items() if found == f"autointerp_{name}")


def test_what_the_database_knows_is_shown(client: TestClient, database: Database, queue: Queue) -> None:
    seed(database)
    with database.write() as session:
        workers.beat(session, "one", kind="worker", queues=["llm"])
        workers.beat(session, "two", kind="worker", queues=["llm", "harvest"])
    queue.submitted.extend(("a", "b"))

    found = scraped(client)

    assert of(found, "database_up") == 1
    states = ("complete_with_failures", "waiting", "complete")
    assert [of(found, "runs", state=state) for state in states] == [1, 1, 0]
    assert [of(found, "features", state=state) for state in ("done", "failed", "waiting")] == [3, 1, 0]
    assert of(found, "workers") == 2
    assert (of(found, "queue_workers", queue="llm"), of(found, "queue_workers", queue="harvest")) == (2, 1)
    assert of(found, "queue_depth", queue="llm") == 2
    assert of(found, "harvests", state="finished") == 1
    assert of(found, "harvest_tokens") == 1_000


def test_the_ledger_is_shown_by_model(client: TestClient, database: Database) -> None:
    with database.write() as session:
        calls.record(session, [line(0.3), line(0.05), line(7.0, AttemptStatus.RATE_LIMITED, cost=None)])
        calls.record(session, [line(0.0, AttemptStatus.CACHED, cost=0, usage=Usage(), attempt=0)])
        calls.record(session, [line(90_000.0, batch="b-1", model_asked="m-2")])

    found = scraped(client)

    model = {"endpoint": "openai", "model": "m-1"}
    assert of(found, "llm_requests_total", **model, status="answered", mode="online") == 2
    assert of(found, "llm_requests_total", **model, status="rate_limited", mode="online") == 1
    assert of(found, "llm_requests_total", endpoint="openai", model="m-2", status="answered", mode="batch") == 1
    assert of(found, "llm_cache_hits_total", **model) == 1
    assert of(found, "llm_dollars_total", **model) == 4
    kinds = ("input", "cache_read", "cache_write", "output")
    assert [of(found, "llm_tokens_total", **model, kind=kind) for kind in kinds] == [30, 15, 0, 6]
    steps = ("0.1", "0.25", "0.5", "5.0", "10.0", "+Inf")
    assert [of(found, "llm_seconds_bucket", **model, le=le) for le in steps] == [1, 1, 2, 2, 3, 3]
    assert of(found, "llm_seconds_sum", **model) == pytest.approx(7.35, abs=0.001)
    assert ("autointerp_llm_seconds_count", (("endpoint", "openai"), ("model", "m-2"))) not in found


def test_requests_are_counted_by_route(client: TestClient) -> None:
    for path in ("/v1/runs/one", "/v1/runs/two", "/nowhere", "/v1/models"):
        client.get(path)
    client.request("BREW", "/v1/models")

    found = scraped(client)

    assert of(found, "http_requests_total", method="GET", route="/v1/runs/{run_id}", status="404") == 2
    assert of(found, "http_requests_total", method="GET", route="(none)", status="404") == 1
    assert of(found, "http_requests_total", method="other", route="/v1/models", status="405") == 1
    assert of(found, "http_request_seconds_count", method="GET", route="/v1/models", status="200") == 1
    assert sum(named(found, "http_requests_total")) == 5


def test_without_a_database_the_requests_are_still_counted(new_url: str, queue: Queue) -> None:
    database = Database(new_url)
    client = TestClient(app_over(database, queue))

    found = scraped(client)

    database.close()
    assert of(found, "database_up") == 0
    assert not list(named(found, "runs"))


def test_two_applications_count_for_themselves(app: FastAPI, database: Database, queue: Queue) -> None:
    TestClient(app).get("/v1/models")

    found = scraped(TestClient(app_over(database, queue)))

    assert not list(named(found, "http_requests_total"))
