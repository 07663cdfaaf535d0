"""From a run to its chunks, as soon as its harvest is there."""

from autointerp.jobs import tasks
from autointerp.jobs.records import Submitter
from autointerp.storage import assignment, run_features, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState


def expand(database: Database, jobs: Submitter, run_id: str) -> None:
    """Choose the features of a run whose harvest is finished, and queue its chunks.

    Nothing happens to a run that does not wait for its harvest: it is under way already, or was cancelled meanwhile.
    InvalidInput when nothing passes the selection or an index does not exist.
    """
    with database.write() as session:
        if not runs.set_state(session, run_id, RunState.RUNNING, origins=(RunState.HARVESTING,)):
            return
        run = runs.get(session, run_id)
        assert run.harvest_id is not None  # set when the run was made
        assignment.assign(session, run, run.harvest_id)
        numbers = run_features.chunks(session, run_id)
        if not numbers:  # a run that extends another and adds nothing to do
            runs.settle(session, run_id)
    tasks.submit_chunks(jobs, run_id, numbers, generation=0, priority=run.priority)


def waiting_for(database: Database, harvest_id: str) -> tuple[str, ...]:
    """Return the runs that wait for a harvest."""
    found: list[str] = []
    after: str | None = None
    with database.read() as session:
        while page := runs.list_runs(session, state=RunState.HARVESTING, after=after, limit=500):
            found += [run.id for run in page if run.harvest_id == harvest_id]
            after = page[-1].id
    return tuple(found)
