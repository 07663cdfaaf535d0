"""The parts a command needs, opened from the settings and closed at its end."""

import logging
import signal
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from autointerp import settings, wiring
from autointerp.jobs import endings
from autointerp.jobs.records import HARVEST, LLM
from autointerp.runs import Desk
from autointerp.storage.engine import Database


@contextmanager
def opened() -> Generator[Database]:
    """Open the database of the settings."""
    database = wiring.open_database(settings.load())
    try:
        yield database
    finally:
        database.close()


@contextmanager
def at_desk(*, working: bool) -> Generator[Desk]:
    """Open the desk where work is handed in; `working`: a worker in this process does it."""
    loaded = settings.load()
    with ExitStack() as parts:
        database = parts.enter_context(opened())
        desk = parts.enter_context(wiring.open_desk(loaded, database))
        if working:
            parts.enter_context(_stoppable())
            parts.enter_context(_untold())
            parts.enter_context(wiring.embedded_worker(loaded, database, queues=(LLM, HARVEST)))
        yield desk


@contextmanager
def _untold() -> Generator[None]:
    """Keep out of the log how harvests and runs end: the command that waits for them tells it."""
    log = logging.getLogger(endings.__name__)
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


@contextmanager
def _stoppable() -> Generator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that what is in flight is finished and stored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
