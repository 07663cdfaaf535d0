"""The journal, for administrators: who changed what, and who was refused."""

from typing import Annotated

from fastapi import APIRouter, Query

from autointerp.api.paging import Page, Paged
from autointerp.api.parts import Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.keys import JournalLine
from autointerp.storage import journal

router = APIRouter(prefix="/journal", tags=["keys"])


@router.get("", responses=documented())
def list_lines(
    database: Stored,
    paging: Paged,
    key_id: Annotated[str | None, Query(max_length=100, description="what was done with this key")] = None,
) -> Page[JournalLine]:
    """List what was done and what was refused, oldest first."""
    with database.read() as session:
        rows = journal.list_lines(session, key_id=key_id, after=paging.after_number(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.id, show=JournalLine.of)
