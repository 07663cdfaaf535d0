"""Which of the runs that wait is worked on first."""

from autointerp.errors import Conflict
from autointerp.jobs import tasks
from autointerp.jobs.records import JobState
from autointerp.runs.desk import Desk
from autointerp.storage import runs
from autointerp.storage.records import RunRecord, RunState


def change_priority(desk: Desk, run_id: str, priority: int) -> RunRecord:
    """Give a run another priority; the chunks that a worker has in hand are finished as they are."""
    with desk.database.write() as session:
        run = runs.get(session, run_id)
        if run.state.ended:
            raise Conflict(f"the run {run_id} is {run.state}; there is nothing to work on first")
        runs.set_priority(session, run_id, priority)
    if run.state is RunState.RUNNING and priority != run.priority:
        found = desk.jobs.status(tasks.run_prefix(run_id))
        queued = [job for job in found if job.state is JobState.QUEUED]
        numbers = [tasks.chunk_of(job) for job in queued]
        tasks.submit_again(desk.jobs, run_id, found, numbers, priority=priority)  # first, so that none is ever lost
        desk.jobs.cancel([job.id for job in queued])
    with desk.database.read() as session:
        return runs.get(session, run_id)
