"""`autointerp worker`: takes jobs from the queues until it is told to stop."""

import os
import signal
import sys
import threading
from typing import Annotated

import typer

from autointerp import settings, wiring
from autointerp.errors import InvalidInput
from autointerp.jobs.records import QUEUES


def worker(
    queues: Annotated[str, typer.Option(help="Queues to serve, separated by commas.")] = ",".join(QUEUES),
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Work on jobs until SIGTERM or Ctrl-C; features in flight are finished first."""
    chosen = tuple(name.strip() for name in queues.split(",") if name.strip())
    unknown = [name for name in chosen if name not in QUEUES]
    if unknown or not chosen:
        raise InvalidInput(f"there is no queue {', '.join(unknown) or queues!r}; there are {', '.join(QUEUES)}")
    if with_parent:
        threading.Thread(target=_stop_with_parent, daemon=True).start()
    loaded = settings.load()
    with wiring.observed(loaded, "worker"):
        wiring.run_worker(loaded, chosen)


def _stop_with_parent() -> None:
    """A parent that dies, however it dies, closes the pipe that is our stdin.

    Read without Python's buffer: its lock, held by this thread, would make the interpreter abort when it ends.
    """
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
