"""Waiting for the end of a harvest or a run, with a look at how far it is now and then."""

import time
from collections.abc import Callable, Generator
from contextlib import suppress

from autointerp.errors import Conflict
from autointerp.runs.desk import Desk
from autointerp.runs.harvests import UNDER_WAY, submit_missing_shards
from autointerp.runs.verbs import resume_run
from autointerp.storage import harvests, runs
from autointerp.storage.records import HarvestRecord, RunProgress, RunRecord, RunState

OnHarvest = Callable[[HarvestRecord], None]
OnRun = Callable[[RunRecord, RunProgress], None]


def wait_harvest(
    desk: Desk, harvest_id: str, *, timeout: float | None, poll: float = 0.2, on_progress: OnHarvest | None = None
) -> HarvestRecord:
    """Return the harvest when it has ended, or as it is after `timeout` seconds.

    Jobs that are missing, as after a crash of the process that handed it in, are queued first.
    """
    with desk.database.read() as session:
        submit_missing_shards(desk, harvests.get(session, harvest_id))
    for last in _looks(timeout, poll):
        with desk.database.read() as session:
            record = harvests.get(session, harvest_id)
        if on_progress is not None:
            on_progress(record)
        if last or record.state not in UNDER_WAY:
            return record
    raise AssertionError("there is always a last look")


def wait_run(
    desk: Desk, run_id: str, *, timeout: float | None, poll: float = 0.2, on_progress: OnRun | None = None
) -> RunRecord:
    """Return the run when it has ended, or as it is after `timeout` seconds.

    Jobs that are missing, as after a crash of the process that handed it in, are queued first.
    """
    with desk.database.read() as session:
        state = runs.get(session, run_id).state
    if not state.ended and state is not RunState.PAUSED:
        with suppress(Conflict):  # it may have been completed since
            resume_run(desk, run_id)
    for last in _looks(timeout, poll):
        with desk.database.read() as session:
            record = runs.get(session, run_id)
            if on_progress is not None:
                on_progress(record, runs.progress(session, run_id))
        if last or record.state.ended:
            return record
    raise AssertionError("there is always a last look")


def _looks(timeout: float | None, poll: float) -> Generator[bool]:
    """Yield False for every look but the last one in time, with pauses in between."""
    end = None if timeout is None else time.monotonic() + timeout
    while end is None or time.monotonic() < end:
        yield False
        time.sleep(poll)
    yield True
