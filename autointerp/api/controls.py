"""The scores of a run against their controls."""

from fastapi import APIRouter

from autointerp.api.parts import Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.controls import RunControls
from autointerp.errors import NotFound
from autointerp.runs import controls_of

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("/{run_id}/controls", responses=documented(NotFound))
def list_controls(database: Stored, run_id: str) -> RunControls:
    """Show the mean of each scorer beside that of each control, on the features of the run that have both."""
    return RunControls.of(controls_of(database, run_id))
