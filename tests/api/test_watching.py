"""Every request has a name, which its answer, its problem and its log lines bear; it is counted by its route."""

import json
import logging
from collections.abc import Generator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from autointerp.errors import Unavailable
from autointerp.observing.logs import Lines
from autointerp.observing.tracing import tracing_by


class Kept(logging.Handler):
    """Keeps lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Lines("json", "api", ()))
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def kept() -> Generator[Kept]:
    """The log of the application."""
    handler, logger = Kept(), logging.getLogger("autointerp")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield handler
    logger.setLevel(before)
    logger.removeHandler(handler)


def test_a_sane_name_is_taken_and_answered(reader: TestClient) -> None:
    answer = reader.get("/v1/models", headers={"X-Request-ID": "trace:42/a"})

    assert answer.headers["X-Request-ID"] == "trace:42/a"


@pytest.mark.parametrize("name", ["", "two words", "a" * 129, "<b>", "line\tbreak"])
def test_another_name_is_replaced(reader: TestClient, name: str) -> None:
    answer = reader.get("/v1/models", headers={"X-Request-ID": name})

    assert len(answer.headers["X-Request-ID"]) == 32


def test_a_problem_bears_the_name_of_its_request(reader: TestClient) -> None:
    answer = reader.get("/v1/runs/nobody", headers={"X-Request-ID": "r-1"})

    assert (answer.status_code, answer.json()["request_id"]) == (404, "r-1")


def test_a_failure_that_nobody_foresaw_bears_it_too(app: FastAPI, kept: Kept) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError

    answer = TestClient(app, raise_server_exceptions=False).get("/broken", headers={"X-Request-ID": "r-2"})

    told = next(line for line in kept.lines if "exception" in line)
    assert (answer.status_code, answer.headers["X-Request-ID"], answer.json()["request_id"]) == (500, "r-2", "r-2")
    assert told["request_id"] == "r-2"


def test_the_access_line_says_which_request_and_run_and_leaves_out_the_query(reader: TestClient, kept: Kept) -> None:
    reader.get("/v1/runs/0192abcd/failures?cursor=secret", headers={"X-Request-ID": "r-3"})

    [line] = kept.lines
    assert {
        "logger": "autointerp.access",
        "request_id": "r-3",
        "run_id": "0192abcd",
        "method": "GET",
        "route": "/v1/runs/{run_id}/failures",
        "status": 404,
    }.items() <= line.items()
    assert "secret" not in json.dumps(line)


def test_lines_that_an_endpoint_writes_bear_the_name(app: FastAPI, kept: Kept) -> None:
    @app.get("/told")
    def told() -> None:
        logging.getLogger("autointerp.test").warning("within")
        raise Unavailable("later")

    TestClient(app).get("/told", headers={"X-Request-ID": "r-4"})

    assert {line["request_id"] for line in kept.lines} == {"r-4"}
    assert [line["message"] for line in kept.lines] == ["within", "GET /told 503"]


def test_a_request_is_a_span_of_its_callers_trace(client: TestClient) -> None:
    exporter = InMemorySpanExporter()
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with tracing_by(SimpleSpanProcessor(exporter), service="api"):
        client.get("/v1/runs/nobody", headers={"traceparent": caller})

    [span] = exporter.get_finished_spans()
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == caller.split("-")[1]
    assert span.name == "GET /v1/runs/{run_id}"
    assert dict(span.attributes or {})["http.response.status_code"] == 404
