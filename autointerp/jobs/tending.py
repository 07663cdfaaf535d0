"""The look after harvests: none may stand still because a process died between two steps."""

import logging

from autointerp.jobs import tasks
from autointerp.jobs.endings import fail_harvest, settle_waiting
from autointerp.jobs.records import Job, JobState
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.jobs.taking_up import take_up
from autointerp.storage import harvests, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, RunState

_log = logging.getLogger(__name__)


class Tending:
    """Takes up the harvests that had no job at two looks in a row, and settles the runs that wait for an ended one.

    Two looks, because whoever hands a harvest in first stores it and then queues its jobs.
    """

    def __init__(self, database: Database, jobs: DbosSubmitter) -> None:
        self._database = database
        self._jobs = jobs
        self._suspects: frozenset[str] = frozenset()

    def look(self) -> None:
        """Look once."""
        with self._database.read() as session:
            records = harvests.list_under_way(session)
            waiting = runs.list_runs(session, state=RunState.HARVESTING, after=None, limit=500)
        busy = {job.id.split("/")[1] for job in self._jobs.running()}
        idle = {record.id: record for record in records if record.id not in busy and not self._live(record)}
        for harvest_id in sorted(self._suspects & set(idle)):
            self._mend(idle[harvest_id])
        self._suspects = frozenset(idle)
        for harvest_id in {run.harvest_id for run in waiting if run.harvest_id} - {record.id for record in records}:
            settle_waiting(self._database, self._jobs, harvest_id)

    def _live(self, record: HarvestRecord) -> bool:
        return bool(tasks.live_parts(self._jobs.status(tasks.harvest_prefix(record.id))))

    def _mend(self, record: HarvestRecord) -> None:
        found = self._jobs.status(tasks.harvest_prefix(record.id))
        if _has_failed(found):
            reason = "a worker met something unforeseen; its log says what; resume the harvest to try again"
            fail_harvest(self._database, record.id, reason)
        else:
            _log.warning("nobody works on harvest %s; its shards are queued again", record.id)
            take_up(self._database, self._jobs, record)


def _has_failed(found: tuple[Job, ...]) -> bool:
    newest = tasks.next_generation(found) - 1
    return any(job.state is JobState.FAILED and tasks.generation_of(job) == newest for job in found)
