"""SAEs."""

from fastapi import APIRouter

from autointerp.api.caching import Unchanging
from autointerp.api.paging import Page, Paged
from autointerp.api.parts import Id, OfId, Stored
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.saes import Sae
from autointerp.errors import NotFound
from autointerp.storage import saes

router = APIRouter(prefix="/saes", tags=["SAEs"], route_class=Reading)


@router.get("", responses=documented())
def list_saes(database: Stored, paging: Paged, model_id: OfId = None) -> Page[Sae]:
    """List the SAEs that have been harvested."""
    with database.read() as session:
        rows = saes.list_saes(session, model_id=model_id, after=paging.after_number(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.id, show=Sae.of)


@router.get("/{sae_id}", responses=documented(NotFound), dependencies=[Unchanging])
def get_sae(database: Stored, sae_id: Id) -> Sae:
    """Show one SAE."""
    with database.read() as session:
        return Sae.of(saes.get(session, sae_id))
