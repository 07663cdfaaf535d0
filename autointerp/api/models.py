"""Subject models."""

from fastapi import APIRouter

from autointerp.api.caching import Unchanging
from autointerp.api.paging import Page, Paged
from autointerp.api.parts import Id, Stored
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.models import Model
from autointerp.errors import NotFound
from autointerp.storage import models

router = APIRouter(prefix="/models", tags=["models"], route_class=Reading)


@router.get("", responses=documented())
def list_models(database: Stored, paging: Paged) -> Page[Model]:
    """List the subject models that have been harvested."""
    with database.read() as session:
        rows = models.list_models(session, after=paging.after_number(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.id, show=Model.of)


@router.get("/{model_id}", responses=documented(NotFound), dependencies=[Unchanging])
def get_model(database: Stored, model_id: Id) -> Model:
    """Show one subject model."""
    with database.read() as session:
        return Model.of(models.get(session, model_id))
