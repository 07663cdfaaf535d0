"""A run that rests: nothing of it is worked on, and it keeps its place in the line."""

from autointerp.errors import Conflict
from autointerp.jobs import tasks
from autointerp.jobs.records import LLM, JobState
from autointerp.runs.desk import Desk
from autointerp.storage import run_features, runs
from autointerp.storage.records import RunRecord, RunState


def pause_run(desk: Desk, run_id: str) -> RunRecord:
    """Let a run rest within about a second, until it is resumed; what it has stored stays.

    No more batches are handed in, and those that a vendor has are still read. A harvest that it waits for goes on.
    Nothing happens to a run that is paused already.
    """
    with desk.database.write() as session:
        run = runs.get(session, run_id)
        if run.state.ended:
            raise Conflict(f"the run {run_id} is {run.state}; there is nothing to pause")
        runs.set_state(session, run_id, RunState.PAUSED)
    tasks.cancel_all(desk.jobs, tasks.run_prefix(run_id))
    with desk.database.read() as session:
        return runs.get(session, run_id)


def requeue(desk: Desk, run_id: str) -> None:
    """Queue the chunks of a run that was paused.

    Those that no worker had begun go back where they were in the line. The others go on as another turn, because the
    one that was stopped may not have ended yet.
    """
    with desk.database.read() as session:
        run = runs.get(session, run_id)
        waiting = run_features.chunks(session, run_id)
    if run.state is not RunState.RUNNING:
        return
    found = desk.jobs.status(tasks.run_prefix(run_id))
    newest = {tasks.chunk_of(job): job for job in tasks.newest(found).values()}
    held = [
        job
        for number, job in newest.items()
        if number in waiting and job.state is JobState.CANCELLED and not job.worker and job.priority == run.priority
    ]
    desk.jobs.resume([job.id for job in held], queue=LLM)
    there = {number for number, job in newest.items() if job.state.live} | {tasks.chunk_of(job) for job in held}
    again = [number for number in waiting if number not in there]
    tasks.submit_again(desk.jobs, run_id, found, again, priority=run.priority)
    if not waiting:
        with desk.database.write() as session:
            runs.settle(session, run_id)
