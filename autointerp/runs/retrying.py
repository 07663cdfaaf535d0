"""Another try for the features that failed, also while the others are still being done."""

from collections.abc import Sequence

from autointerp.errors import Conflict, InvalidInput
from autointerp.jobs import tasks
from autointerp.jobs.taking_up import take_up_run
from autointerp.runs.desk import Desk
from autointerp.runs.verbs import refuse_extended
from autointerp.storage import run_features, runs
from autointerp.storage.records import RunRecord, RunState

RETRIED = (RunState.RUNNING, RunState.COMPLETE_WITH_FAILURES)


def retry_run(desk: Desk, run_id: str, features: Sequence[int] | None) -> RunRecord:
    """Try failed features again, by id (None: all of them), and nothing else.

    Replies that could not be read are asked for anew. Conflict when nothing has failed, or the run is neither under
    way nor complete with failures; InvalidInput when one of the features has not failed.
    """
    with desk.database.write() as session:
        runs.lock(session, run_id)
        run = runs.get(session, run_id)
        refuse_extended(session, run_id)
        if run.state is RunState.COMPLETE:
            raise Conflict(f"the run {run_id} is complete; there is nothing to try again")
        if run.state not in RETRIED:
            raise Conflict(f"the run {run_id} is {run.state}; resume it, which tries what has failed again too")
        if features is not None and (sound := run_features.not_failed(session, run_id, features)):
            raise InvalidInput(f"feature {sound[0]} has not failed in the run {run_id}; leave it out")
        numbers = run_features.retry(session, run_id, features, chunk=run.spec.chunk)
        if not numbers:
            raise Conflict(f"no feature of the run {run_id} has failed; there is nothing to try again")
        runs.set_state(session, run_id, RunState.RUNNING)
    if run.state.ended:
        take_up_run(desk.database, desk.jobs, run_id, anew=True)
    else:
        generation = tasks.next_generation(desk.jobs.status(tasks.run_prefix(run_id)))
        tasks.submit_chunks(desk.jobs, run_id, numbers, generation=generation, priority=run.priority)
    with desk.database.read() as session:
        return runs.get(session, run_id)
