"""`autointerp serve`: the API in this process, and a worker in a child process."""

import ipaddress
import logging
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Annotated

import typer

from autointerp import settings, wiring
from autointerp.cli.console import note
from autointerp.errors import InvalidInput
from autointerp.settings import Settings

RESTART_AFTER = 5.0
KILL_AFTER = 10.0
SHUTDOWN = 10  # seconds that requests under way may take to finish
POLL = 0.2
log = logging.getLogger(__name__)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    api_only: Annotated[bool, typer.Option(help="Start no worker; others serve the queues.")] = False,
    allow_public: Annotated[bool, typer.Option(help="Listen on an address that others can reach.")] = False,
) -> None:
    """Serve the REST API, with a worker beside it, until SIGTERM or Ctrl-C."""
    loaded = settings.load()
    address, number = host or loaded.host, loaded.port if port is None else port
    if not allow_public and not _is_loopback(address):
        raise InvalidInput(
            f"{address} can be reached by others and there are no keys yet: keep 127.0.0.1 or pass --allow-public"
        )
    with nullcontext() if api_only else _worker_process(loaded.worker.drain):
        _serve(loaded, address, number)


def _serve(loaded: Settings, host: str, port: int) -> None:
    import uvicorn  # only this command needs it, and it is not small

    app = wiring.create_api(loaded)
    note(f"http://{host}:{port}/docs describes the API; Ctrl-C stops it")
    config = uvicorn.Config(
        app, host=host, port=port, log_level=loaded.log_level.lower(), timeout_graceful_shutdown=SHUTDOWN
    )

    class Server(uvicorn.Server):
        """Lets those go who follow runs, at the signal to stop: they would hold up the end."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.parts.broadcast.close()
            super().handle_exit(sig, frame)

    Server(config).run()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
