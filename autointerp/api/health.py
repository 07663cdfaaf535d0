"""Whether the service lives, and whether it can work."""

from typing import Annotated

from fastapi import APIRouter, Query

from autointerp import __version__, runs
from autointerp.api.parts import AtDesk, Stored, Told
from autointerp.api.problems import documented
from autointerp.api.schemas.health import Health, Readiness
from autointerp.errors import Unavailable
from autointerp.jobs.records import QUEUES
from autointerp.storage import migrate

router = APIRouter(tags=["health"])
Least = Annotated[int, Query(ge=0, le=10_000, description="how many workers must be alive")]
MORE = "start one with autointerp worker"


@router.get("/health", responses=documented())
def health() -> Health:
    """Say that the process answers; whoever watches it starts another one when it does not."""
    return Health(status="ok", version=__version__)


@router.get("/ready", responses=documented())
def ready(database: Stored, desk: AtDesk, leaving: Told, workers: Least = 0) -> Readiness:
    """Say that requests can be sent here: the database is there and up to date, and this process is not being stopped.

    An API without workers reads what is stored and takes work, which waits; ask for `workers=1` where that is not
    enough.
    """
    if leaving.begun:
        raise Unavailable("this process is being stopped; ask another one")
    if not migrate.is_current(database):
        raise Unavailable("the database is not at the current version; run autointerp db upgrade")
    alive = runs.workers_alive(desk)
    if len(alive) < workers:
        raise Unavailable(f"{len(alive) or 'no'} {'worker is' if len(alive) < 2 else 'workers are'} alive; {MORE}")
    return Readiness(
        status="ready", workers=len(alive), queues={name: sum(name in one.queues for one in alive) for name in QUEUES}
    )
