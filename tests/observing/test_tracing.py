"""Traces are sent where somebody wants them, cross processes, and cost nothing where nobody does."""

import subprocess
import sys
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from autointerp.observing.tracing import carrier, continued, is_on, span, tracing, tracing_by


class Collector(HTTPServer):
    """An OTLP/HTTP receiver that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received: list[tuple[str, ExportTraceServiceRequest]] = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Collector)
        self.server.received.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Generator[Collector]:
    server = Collector()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_reach_a_collector(collector: Collector) -> None:
    place = f"http://127.0.0.1:{collector.server_port}/"
    about = {"autointerp.run": "0192", "autointerp.shard": None}
    with tracing(place, service="worker"), span("chunk", **about):
        pass

    [(path, sent)] = collector.received
    [resource] = sent.resource_spans
    [found] = resource.scope_spans[0].spans
    assert (path, found.name) == ("/v1/traces", "chunk")
    assert {one.key: one.value.string_value for one in found.attributes} == {"autointerp.run": "0192"}
    names = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert names["service.name"] == "autointerp-worker"
    assert not is_on()


def test_a_trace_goes_on_where_it_is_carried_to() -> None:
    exporter = InMemorySpanExporter()
    with tracing_by(SimpleSpanProcessor(exporter), service="test"):
        with span("request"):
            place = carrier()
        with continued(place), span("job"):
            pass

    request, job = exporter.get_finished_spans()
    assert job.parent is not None
    assert request.context is not None
    assert job.parent.span_id == request.context.span_id


def test_without_a_collector_nothing_is_imported_or_carried() -> None:
    code = (
        "import sys\n"
        "import autointerp.api.app, autointerp.llm.stack\n"
        "from autointerp.observing.tracing import carrier, continued, span, tracing\n"
        "with tracing('', service='api'), continued({'traceparent': 'x'}), span('a') as one: print(one, carrier())\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:2] == ["None {}", "[]"]
