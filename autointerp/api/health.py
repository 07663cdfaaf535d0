"""Whether the service lives, and whether it can work."""

from fastapi import APIRouter

from autointerp import __version__, runs
from autointerp.api.parts import AtDesk, Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.health import Health, Readiness
from autointerp.errors import Unavailable
from autointerp.storage import migrate

router = APIRouter(tags=["health"])


@router.get("/health", responses=documented())
def health() -> Health:
    """Say that the process answers."""
    return Health(status="ok", version=__version__)


@router.get("/ready", responses=documented())
def ready(database: Stored, desk: AtDesk) -> Readiness:
    """Say that the database is there and up to date and that workers are alive, or which of these is missing."""
    if not migrate.is_current(database):
        raise Unavailable("the database is not at the current version; run autointerp db upgrade")
    alive = len(runs.workers_alive(desk))
    if not alive:
        raise Unavailable("no worker is alive; start one with autointerp worker")
    return Readiness(status="ready", workers=alive)
