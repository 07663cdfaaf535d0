"""Explanations."""

from typing import Annotated

from fastapi import APIRouter, Query

from autointerp.api.paging import Page, Paged
from autointerp.api.parts import Id, OfId, Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.explanations import Explanation
from autointerp.errors import NotFound
from autointerp.storage import explanations

router = APIRouter(prefix="/explanations", tags=["explanations"])


@router.get("", responses=documented())
def list_explanations(
    database: Stored,
    paging: Paged,
    feature_id: OfId = None,
    harvest_id: Annotated[str | None, Query(description="from the examples of this harvest")] = None,
    run_id: Annotated[str | None, Query(description="made by this run")] = None,
) -> Page[Explanation]:
    """List explanations, oldest first."""
    with database.read() as session:
        rows = explanations.list_explanations(
            session,
            feature_id=feature_id,
            harvest_id=harvest_id,
            run_id=run_id,
            after=paging.after_number(),
            limit=paging.limit + 1,
        )
    return paging.page(rows, key=lambda row: row.id, show=Explanation.of)


@router.get("/{explanation_id}", responses=documented(NotFound))
def get_explanation(database: Stored, explanation_id: Id) -> Explanation:
    """Show one explanation and what made it."""
    with database.read() as session:
        return Explanation.of(explanations.get(session, explanation_id))
