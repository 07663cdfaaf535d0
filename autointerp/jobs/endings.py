"""What the end of a harvest means for the runs that wait for it."""

import logging

from autointerp.errors import AutointerpError
from autointerp.jobs.expansion import expand, waiting_for
from autointerp.jobs.records import Submitter
from autointerp.storage import harvests, runs
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.records import HarvestRecord, HarvestState, RunState

_log = logging.getLogger(__name__)


def fail_harvest(database: Database, harvest_id: str, reason: str) -> None:
    """Close a harvest that cannot go on, and with it the runs that wait for it; nothing happens to one that ended."""
    waiting = waiting_for(database, harvest_id)
    with database.write() as session:
        if not harvests.fail(session, harvest_id, reason):
            return
        record = harvests.get(session, harvest_id)
        for run_id in waiting:
            _fail(session, run_id, _why(record))
    _log.warning("harvest %s failed: %s", harvest_id, reason)


def settle_waiting(database: Database, jobs: Submitter, harvest_id: str) -> None:
    """Let the runs that wait for a harvest which has ended begin, or end with it; safe to repeat at any time."""
    with database.read() as session:
        record = harvests.get(session, harvest_id)
    if not record.state.ended:
        return
    for run_id in waiting_for(database, harvest_id):
        if record.state is HarvestState.FINISHED:
            _begin(database, jobs, run_id)
        else:
            with database.write() as session:
                _fail(session, run_id, _why(record))


def _begin(database: Database, jobs: Submitter, run_id: str) -> None:
    try:
        expand(database, jobs, run_id)
    except AutointerpError as error:
        with database.write() as session:
            _fail(session, run_id, error.detail)


def _why(record: HarvestRecord) -> str:
    if record.state is HarvestState.CANCELLED:
        return "its harvest was cancelled; resume it to go on"
    return f"the harvest failed: {record.error}"


def _fail(session: WriteSession, run_id: str, error: str) -> None:
    if runs.set_state(session, run_id, RunState.FAILED, origins=(RunState.HARVESTING,), error=error):
        _log.warning("run %s is failed: %s", run_id, error)
