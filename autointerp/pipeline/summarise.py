"""Summarise: the end of a run, counted over what is stored."""

import logging

from autointerp.storage import runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState

_log = logging.getLogger(__name__)


def settle(database: Database, run_id: str) -> RunState:
    """Move a run to its end when none of its features waits; safe to call from any worker at any time."""
    with database.write() as session:
        state = runs.settle(session, run_id)
    if state.ended:
        with database.read() as session:
            progress = runs.progress(session, run_id)
        _log.info("run %s is %s: %d features done, %d failed", run_id, state, progress.done, progress.failed)
    return state


def halt(database: Database, run_id: str, state: RunState, error: str) -> None:
    """End a run before its time, for a reason; the features that wait go on waiting until it is resumed."""
    with database.write() as session:
        runs.set_state(session, run_id, state, error=error)
    _log.warning("run %s is %s: %s", run_id, state, error)
