"""What a database that was put back means for the work around it: the queue is of another time and is emptied."""

from datetime import timedelta

from autointerp.errors import Conflict
from autointerp.jobs import place
from autointerp.jobs.submitter import open_submitter
from autointerp.storage import migrate, runs, workers
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState

UNDER_WAY = (RunState.WAITING, RunState.HARVESTING, RunState.RUNNING)
PAGE = 500


def refuse_while_working(url: str, lease: float) -> None:
    """Conflict when a worker of the database at `url` is alive: it would write what belongs to the old content."""
    database = Database(url)
    try:
        if migrate.current(database) is None:
            return
        with database.read() as session:
            dead = {row.id for row in workers.dead(session, lease=timedelta(seconds=lease))}
            alive = [row.id for row in workers.list_workers(session) if row.id not in dead]
    finally:
        database.close()
    if alive:
        raise Conflict(f"the worker {alive[0]} is alive; stop it first, and the API too")


def forget_jobs(database: Database) -> None:
    """Empty the queue, and forget the workers that were alive when the copy was made."""
    where = place.beside(database.url)
    if place.has_tables(where, database):
        with open_submitter(where) as jobs:
            jobs.purge("")
    with database.write() as session:
        for row in workers.list_workers(session):
            workers.remove(session, row.id)


def under_way(database: Database) -> tuple[str, ...]:
    """Return the runs that had not ended, which nobody works on before they are resumed."""
    with database.read() as session:
        return tuple(
            run.id for state in UNDER_WAY for run in runs.list_runs(session, state=state, after=None, limit=PAGE)
        )
