"""Every trial of a run, across its scores."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from autointerp.api.formats import streamed
from autointerp.api.listing import Listed
from autointerp.api.paging import Page, bad_cursor
from autointerp.api.parts import Stored
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.trials import RunTrial
from autointerp.domain.specs import Control
from autointerp.errors import NotFound
from autointerp.storage import run_trials, runs
from autointerp.storage.engine import ReadSession

router = APIRouter(prefix="/runs", tags=["runs"], route_class=Reading)


@router.get("/{run_id}/trials", response_model=Page[RunTrial], responses=streamed(RunTrial) | documented(NotFound))
def list_run_trials(
    database: Stored,
    listing: Listed,
    run_id: str,
    control: Annotated[Control | None, Query(description="of this control, rather than the scores proper")] = None,
) -> Page[RunTrial] | Response:
    """List every question that the scores of a run were computed from, score by score."""
    with database.read() as session:
        runs.get(session, run_id)

    def read(session: ReadSession, after: str | None, limit: int) -> tuple[run_trials.RunTrial, ...]:
        return run_trials.list_trials(session, run_id, control=control or "", after=_place(after), limit=limit)

    return listing.by_text(
        database, read, key=lambda row: f"{row.score_id}.{row.position}", record=RunTrial, show=RunTrial.of_run
    )


def _place(after: str | None) -> tuple[int, int] | None:
    if after is None:
        return None
    score, _, position = after.partition(".")
    if not (score.isdecimal() and position.isdecimal() and len(score) < 19 and len(position) < 19):
        raise bad_cursor()
    return int(score), int(position)
