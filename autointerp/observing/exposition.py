"""A small web server for the numbers of a process that has none."""

from collections.abc import Generator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from autointerp.errors import Unavailable


@contextmanager
def exposed(registry: CollectorRegistry, *, host: str, port: int) -> Generator[int]:
    """Answer `/metrics` until the block is left; yields the port, which is a free one for 0."""
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise Unavailable(f"the metrics cannot be served at {host}:{port}: {error.strerror}") from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
