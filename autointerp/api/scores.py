"""Scores and their trials."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from autointerp.api.caching import Unchanging
from autointerp.api.formats import streamed
from autointerp.api.listing import Listed
from autointerp.api.paging import Page, Paged
from autointerp.api.parts import Id, OfId, Stored
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.scores import Score, Trial
from autointerp.domain.specs import Control
from autointerp.errors import NotFound
from autointerp.storage import scores
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import ScoreRecord

router = APIRouter(prefix="/scores", tags=["scores"], route_class=Reading)


@router.get("", response_model=Page[Score], responses=streamed(Score) | documented())
def list_scores(
    database: Stored,
    listing: Listed,
    explanation_id: OfId = None,
    feature_id: OfId = None,
    harvest_id: Annotated[str | None, Query(description="on the examples of this harvest")] = None,
    run_id: Annotated[str | None, Query(description="made by this run")] = None,
    scorer: Annotated[str | None, Query(description="by this scorer")] = None,
    judge: Annotated[str | None, Query(description="with this judge")] = None,
    min_value: Annotated[float | None, Query(allow_inf_nan=False, description="leaves out undefined ones")] = None,
    max_value: Annotated[float | None, Query(allow_inf_nan=False, description="leaves out undefined ones")] = None,
    control: Annotated[
        Control | Literal["imported"] | None,
        Query(description="of this control, or imported ones, rather than the scores proper"),
    ] = None,
) -> Page[Score] | Response:
    """List scores, oldest first."""

    def read(session: ReadSession, after: int | None, limit: int) -> tuple[ScoreRecord, ...]:
        return scores.list_scores(
            session,
            explanation_id=explanation_id,
            feature_id=feature_id,
            harvest_id=harvest_id,
            run_id=run_id,
            scorer=scorer,
            judge=judge,
            min_value=min_value,
            max_value=max_value,
            control=control or "",
            after=after,
            limit=limit,
        )

    return listing.by_number(database, read, key=lambda row: row.id, record=Score, show=Score.of)


@router.get("/{score_id}", responses=documented(NotFound), dependencies=[Unchanging])
def get_score(database: Stored, score_id: Id) -> Score:
    """Show one score with its interval, counts and breakdown."""
    with database.read() as session:
        return Score.of(scores.get(session, score_id))


@router.get("/{score_id}/trials", responses=documented(NotFound), dependencies=[Unchanging])
def list_trials(database: Stored, paging: Paged, score_id: Id) -> Page[Trial]:
    """List the questions that the score was computed from, in the order asked, with the truth and the answer."""
    with database.read() as session:
        trials = scores.trials(session, score_id)
    places = range(len(trials))[(paging.after_number() or 0) :][: paging.limit + 1]
    return paging.page(places, key=lambda place: place + 1, show=lambda place: Trial.of(trials[place]))
