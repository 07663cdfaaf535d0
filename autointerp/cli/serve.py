"""`autointerp serve`: the API in this process, and a worker in a child process."""

import logging
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from autointerp import settings, wiring
from autointerp.cli.console import note
from autointerp.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

RESTART_AFTER = 5.0
KILL_AFTER = 10.0
POLL = 0.2
log = logging.getLogger(__name__)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    api_only: Annotated[bool, typer.Option(help="Start no worker; others serve the queues.")] = False,
) -> None:
    """Serve the REST API, with a worker beside it, until SIGTERM or Ctrl-C.

    At an address that others can reach it asks for a key, which `autointerp keys create` makes.
    """
    loaded = settings.load()
    address, number = host or loaded.host, loaded.port if port is None else port
    app = wiring.create_api(loaded, address)
    with wiring.observed(loaded, "api"), nullcontext() if api_only else _worker_process(loaded.worker.drain):
        _serve(app, loaded, address, number)


def _serve(app: "FastAPI", loaded: Settings, host: str, port: int) -> None:
    from autointerp.api import serving  # only this command needs uvicorn, and it is not small
    from autointerp.api.gate.redaction import keep_keys_out_of_logs
    from autointerp.cli.serving import serve_until_told

    keep_keys_out_of_logs()
    greeting = f"http://{host}:{port}/docs describes the API; Ctrl-C stops it"
    if loaded.log_format == "json":
        log.info(greeting)
    else:
        note(greeting)
    config = serving.config(
        app,
        host=host,
        port=port,
        log_level=loaded.log_level,
        seconds=loaded.access.seconds,
        trusts_proxy=loaded.access.mode == "proxy",
    )
    serve_until_told(config, leaving=app.state.leaving, notice=loaded.stop_notice)


@contextmanager
def _worker_process(drain: float) -> Generator[None]:
    """Keep a worker alive in a child process; it also stops when this process dies."""
    stopping = threading.Event()
    thread = threading.Thread(target=_keep_alive, args=(stopping, drain))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _keep_alive(stopping: threading.Event, drain: float) -> None:
    while not stopping.is_set():
        child = _start()
        while child.poll() is None and not stopping.wait(POLL):
            pass
        if stopping.is_set():
            _stop(child, drain)
            return
        log.error("the worker ended with exit code %s; starting another", child.returncode)
        stopping.wait(RESTART_AFTER)


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "autointerp.cli", "worker", "--with-parent"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _stop(child: subprocess.Popen[bytes], drain: float) -> None:
    child.terminate()
    try:
        child.wait(timeout=drain + KILL_AFTER)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
