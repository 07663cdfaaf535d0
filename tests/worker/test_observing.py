"""What a run leaves to be seen: numbers of the service and of the worker, one trace, and log lines that name it."""

import socket
from collections import Counter
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from autointerp import wiring
from autointerp.domain.specs import RunSpec
from autointerp.observing.tracing import tracing_by
from autointerp.runs import wait_run
from autointerp.settings import Settings, load
from autointerp.storage import runs
from autointerp.storage.records import RunProgress, RunState
from tests.api.conftest import app_at
from tests.pipeline.world import FEATURES, planted_harvest

pytestmark = pytest.mark.e2e
Numbers = dict[str, float]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    worker = {"lease": 5, "drain": 5, "polling": 0.05, "metrics_port": port}
    return load(database_url=database_url, data_dir=tmp_path, worker=worker)


def read(text: str) -> Numbers:
    """The sum over all labels of each sample."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name.removeprefix("autointerp_")] += sample.value
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_is_seen_in_numbers_and_as_one_trace(settings: Settings, folder: Path) -> None:
    spec = RunSpec.model_validate(
        {
            "harvest": planted_harvest(folder),
            "features": {"indices": FEATURES},
            "explainers": ["default"],
            "scorers": [{"name": "detection", "judge": "llm"}],
            "llm": "fake/honest",
            "chunk": 4,
        }
    )
    exporter, database = InMemorySpanExporter(), wiring.open_database(settings)
    with (
        tracing_by(SimpleSpanProcessor(exporter), service="test"),
        wiring.open_desk(settings, database) as desk,
        TestClient(app_at(desk)) as client,
    ):
        made = client.post("/v1/runs", json=spec.model_dump(mode="json")).raise_for_status().json()
        queued = read(client.get("/metrics").text)
        with wiring.embedded_worker(settings, database):
            ended = wait_run(desk, made["id"], timeout=240, poll=0.05)
            mine = read(httpx2.get(f"http://127.0.0.1:{settings.worker.metrics_port}/metrics").text)
            whole = read(client.get("/metrics").text)
    with database.read() as session:
        found = runs.progress(session, made["id"])
    database.close()

    assert ended.state is RunState.COMPLETE
    assert queued["queue_depth"] == planted_harvest(folder).shards
    _check_service(whole, found)
    assert (mine["worker_llm_attempts_total"], mine["worker_llm_seconds_count"]) == (found.requests, found.requests)
    assert (mine["worker_llm_cache_hits_total"], mine["worker_llm_in_flight"]) == (found.cached, 0)
    assert mine["worker_llm_limit"] > 0
    _check_trace(exporter, found)


def _check_service(whole: Numbers, found: RunProgress) -> None:
    assert (whole["runs"], whole["features"], whole["workers"], whole["queue_depth"]) == (1, len(FEATURES), 1, 0)
    assert (whole["llm_requests_total"], whole["llm_cache_hits_total"]) == (found.requests, found.cached)
    assert whole["llm_tokens_total"] == found.tokens
    assert whole["llm_seconds_count"] == found.requests
    assert whole["harvest_tokens"] > 0


def _check_trace(exporter: InMemorySpanExporter, found: RunProgress) -> None:
    spans = exporter.get_finished_spans()
    request = next(span for span in spans if span.name == "POST /v1/runs")
    assert request.context is not None
    trace = request.context.trace_id
    names = Counter(span.name for span in spans if span.context is not None and span.context.trace_id == trace)
    assert names["llm"] == found.requests
    assert {"shard", "merge", "chunk", "explain", "score", "feature"} <= set(names)
    assert names["feature"] >= 2 * len(FEATURES)  # once to be explained and once to be scored
