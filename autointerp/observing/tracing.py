"""Traces, where somebody wants them: spans that are sent by OTLP. Without `tracing` nothing is imported or measured."""

import importlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from autointerp.errors import InvalidInput

PACKAGE = "opentelemetry"


@dataclass(slots=True)
class _Process:
    """The tracer of this process; None: nothing is traced."""

    tracer: Any = None


_process = _Process()


@contextmanager
def tracing(endpoint: str, *, service: str) -> Generator[None]:
    """Send the spans of this process to an OTLP/HTTP collector until the block is left; "": trace nothing.

    InvalidInput when the packages are missing. What cannot be sent is dropped, and told in the log.
    """
    if not endpoint:
        yield
        return
    exporter = _part("exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")
    with tracing_by(_part("sdk.trace.export").BatchSpanProcessor(exporter), service=service):
        yield


@contextmanager
def tracing_by(processor: Any, *, service: str) -> Generator[None]:
    """Hand the spans of this process to an OpenTelemetry span processor until the block is left."""
    trace = _part("sdk.trace")
    resource = _part("sdk.resources").Resource.create({"service.name": f"autointerp-{service}"})
    provider = trace.TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    before, _process.tracer = _process.tracer, provider.get_tracer("autointerp")
    try:
        yield
    finally:
        _process.tracer = before
        provider.shutdown()


def is_on() -> bool:
    """Whether this process is traced."""
    return _process.tracer is not None


@contextmanager
def span(name: str, **attributes: str | int | float | None) -> Generator[Any]:
    """Trace what is done in the block; an attribute that is None is left out. Yields the span, None without traces."""
    if _process.tracer is None:
        yield None
        return
    known = {key: value for key, value in attributes.items() if value is not None}
    with _process.tracer.start_as_current_span(name, attributes=known) as current:
        yield current


def carrier() -> dict[str, str]:
    """The place in the trace, to be handed to another process; empty without traces."""
    place: dict[str, str] = {}
    if is_on():
        _propagator().inject(place)
    return place


@contextmanager
def continued(place: Mapping[str, str]) -> Generator[None]:
    """Go on with the trace of another process until the block is left."""
    if not is_on() or not place:
        yield
        return
    context = _part("context")
    token = context.attach(_propagator().extract(place))
    try:
        yield
    finally:
        context.detach(token)


def _propagator() -> Any:
    return _part("trace.propagation.tracecontext").TraceContextTextMapPropagator()


def _part(name: str) -> Any:
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    except ModuleNotFoundError as error:
        raise InvalidInput("traces need more packages: pip install 'autointerp[traces]'") from error
