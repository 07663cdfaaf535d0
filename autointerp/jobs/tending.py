"""The look after harvests and runs: none may stand still, or go on, because a process died between two steps."""

import logging
from collections.abc import Iterable

from autointerp.jobs import tasks
from autointerp.jobs.endings import fail_harvest, settle_waiting
from autointerp.jobs.records import Job, JobState
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.jobs.taking_up import take_up, take_up_run
from autointerp.storage import batch_items, harvests, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, RunRecord, RunState

_log = logging.getLogger(__name__)

UNFORESEEN = "a worker met something unforeseen; its log says what; resume the {what} to try again"
LOOKED_AT = 50  # runs at a look, the oldest: what stands still is overtaken by the others
STOPPED = (RunState.PAUSED, RunState.CANCELLED)


class Tending:
    """Takes up the harvests and runs that had no job at two looks in a row, settles the runs that wait for a harvest
    which has ended, and stops the jobs of runs that were told to stop.

    Two looks, because whoever hands something in first stores it and then queues its jobs.
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
            under_way = runs.list_oldest(session, RunState.RUNNING, limit=500)
        running = self._jobs.running()
        self._stop_stopped(running)
        busy = {tasks.owner(job) for job in running}
        idle = {record.id: record for record in records if self._is_idle(record, busy)}
        resting = [run for run in under_way if run.id not in busy][:LOOKED_AT]
        idle_runs = {run.id for run in resting if self._is_idle_run(run)}
        for harvest_id in sorted(self._suspects & set(idle)):
            self._mend(idle[harvest_id])
        for run_id in sorted(self._suspects & idle_runs):
            self._mend_run(run_id)
        self._suspects = frozenset(idle) | idle_runs
        for harvest_id in {run.harvest_id for run in waiting if run.harvest_id} - {record.id for record in records}:
            settle_waiting(self._database, self._jobs, harvest_id)

    def _is_idle(self, record: HarvestRecord, busy: set[str]) -> bool:
        return record.id not in busy and not self._jobs.has_live(tasks.harvest_prefix(record.id))

    def _is_idle_run(self, run: RunRecord) -> bool:
        """Whether nobody will take a job of it; what waits for a batch is in somebody's care without one."""
        if self._jobs.has_live(tasks.run_prefix(run.id)):
            return False
        with self._database.read() as session:
            return run.spec.mode == "online" or not batch_items.open_chunks(session, run.id)

    def _mend(self, record: HarvestRecord) -> None:
        found = self._jobs.status(tasks.harvest_prefix(record.id))
        if _has_failed(found):
            fail_harvest(self._database, record.id, UNFORESEEN.format(what="harvest"))
        else:
            _log.warning("nobody works on harvest %s; its shards are queued again", record.id)
            take_up(self._database, self._jobs, record)

    def _mend_run(self, run_id: str) -> None:
        if _has_failed(self._jobs.status(tasks.run_prefix(run_id))):
            error = UNFORESEEN.format(what="run")
            with self._database.write() as session:
                runs.set_state(session, run_id, RunState.FAILED, origins=(RunState.RUNNING,), error=error)
            _log.warning("run %s is failed: %s", run_id, error)
        elif count := take_up_run(self._database, self._jobs, run_id, anew=False):
            _log.warning("nobody worked on run %s; %d of its chunks are queued again", run_id, count)

    def _stop_stopped(self, running: Iterable[Job]) -> None:
        """Cancel what is still done for runs that were cancelled or paused by a process that died over it."""
        mine = [job for job in running if job.id.startswith(tasks.RUN)]
        with self._database.read() as session:
            stopped = runs.among(session, {tasks.owner(job) for job in mine}, STOPPED)
        self._jobs.cancel([job.id for job in mine if tasks.owner(job) in stopped])


def _has_failed(found: tuple[Job, ...]) -> bool:
    newest = tasks.next_generation(found) - 1
    return any(job.state is JobState.FAILED and tasks.generation_of(job) == newest for job in found)
