"""Explanations."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from autointerp.api.caching import Unchanging
from autointerp.api.formats import streamed
from autointerp.api.listing import Listed
from autointerp.api.paging import Page
from autointerp.api.parts import Id, OfId, Stored
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.explanations import Explanation
from autointerp.errors import NotFound
from autointerp.storage import explanations
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import ExplanationRecord

router = APIRouter(prefix="/explanations", tags=["explanations"], route_class=Reading)


@router.get("", response_model=Page[Explanation], responses=streamed(Explanation) | documented())
def list_explanations(
    database: Stored,
    listing: Listed,
    feature_id: OfId = None,
    harvest_id: Annotated[str | None, Query(description="from the examples of this harvest")] = None,
    run_id: Annotated[str | None, Query(description="made by this run")] = None,
    explainer: Annotated[str | None, Query(description="by this explainer")] = None,
) -> Page[Explanation] | Response:
    """List explanations, oldest first."""

    def read(session: ReadSession, after: int | None, limit: int) -> tuple[ExplanationRecord, ...]:
        return explanations.list_explanations(
            session,
            feature_id=feature_id,
            harvest_id=harvest_id,
            run_id=run_id,
            explainer=explainer,
            after=after,
            limit=limit,
        )

    return listing.by_number(database, read, key=lambda row: row.id, record=Explanation, show=Explanation.of)


@router.get("/{explanation_id}", responses=documented(NotFound), dependencies=[Unchanging])
def get_explanation(database: Stored, explanation_id: Id) -> Explanation:
    """Show one explanation and what made it."""
    with database.read() as session:
        return Explanation.of(explanations.get(session, explanation_id))
