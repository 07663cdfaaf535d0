"""Harvests."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from autointerp import runs
from autointerp.api.paging import Page, Paged
from autointerp.api.parts import AtDesk, Stored
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.harvests import SPEC_EXAMPLE, Harvest
from autointerp.domain.specs import HarvestSpec
from autointerp.errors import Conflict, NotFound
from autointerp.runs import Desk
from autointerp.storage import harvests
from autointerp.storage.records import HarvestRecord

router = APIRouter(prefix="/harvests", tags=["harvests"], route_class=Reading)
Spec = Annotated[HarvestSpec, Body(openapi_examples={"gpt2": {"summary": "GPT-2 on a file", "value": SPEC_EXAMPLE}})]


@router.post("", status_code=202, responses=documented())
def create_harvest(desk: AtDesk, response: Response, spec: Spec) -> Harvest:
    """Start a harvest; the same spec again gives the harvest that is already there, unless it failed."""
    record = runs.create_harvest(desk, spec)
    response.headers["Location"] = f"/v1/harvests/{record.id}"
    return _show(desk, record)


@router.get("", responses=documented())
def list_harvests(database: Stored, desk: AtDesk, paging: Paged) -> Page[Harvest]:
    """List harvests, newest first."""
    with database.read() as session:
        rows = harvests.list_harvests(session, after=paging.after_text(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.id, show=lambda row: _show(desk, row))


@router.get("/{harvest_id}", responses=documented(NotFound))
def get_harvest(database: Stored, desk: AtDesk, harvest_id: str) -> Harvest:
    """Show one harvest, how far it is and how fast."""
    with database.read() as session:
        record = harvests.get(session, harvest_id)
    return _show(desk, record)


@router.post("/{harvest_id}/cancel", responses=documented(NotFound, Conflict))
def cancel_harvest(desk: AtDesk, harvest_id: str) -> Harvest:
    """Stop a harvest; its finished shards stay, and the runs that wait for it fail until they are resumed."""
    return _show(desk, runs.cancel_harvest(desk, harvest_id))


@router.post("/{harvest_id}/resume", status_code=202, responses=documented(NotFound, Conflict))
def resume_harvest(desk: AtDesk, harvest_id: str) -> Harvest:
    """Take up a harvest that failed or was cancelled, from the shards that are finished."""
    return _show(desk, runs.resume_harvest(desk, harvest_id))


def _show(desk: Desk, record: HarvestRecord) -> Harvest:
    return Harvest.of(record, runs.pace_of(desk, record))
