"""Where a job comes from: the request and the trace in which it was handed in go with it to the worker that does it."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from autointerp.observing import tracing
from autointerp.observing.context import about, subject

KEY = "origin"
REQUEST = "request_id"
PARTS = ("chunk", "shard", "generation")


def signed(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a job with its origin among them."""
    request = subject().get(REQUEST)
    origin = tracing.carrier() | ({} if request is None else {REQUEST: request})
    return {**args, KEY: origin} if origin else dict(args)


@contextmanager
def doing(handler: str, args: Mapping[str, Any]) -> Generator[None]:
    """Say in the log and the trace, until the block is left, which job is done and where it came from."""
    origin = args.get(KEY, {})
    run, harvest = args.get("run"), args.get("harvest")
    parts = {f"autointerp.{name}": args.get(name) for name in PARTS}
    with (
        about(request_id=origin.get(REQUEST), run_id=run, harvest_id=harvest),
        tracing.continued(origin),
        tracing.span(handler, **{"autointerp.run": run, "autointerp.harvest": harvest, **parts}),
    ):
        yield
