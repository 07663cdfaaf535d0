"""Subject models: registered when they are loaded, listed in the order they came."""

from sqlalchemy import select

from autointerp.domain.vocabulary import Vocabulary
from autointerp.errors import NotFound
from autointerp.hashing import digest
from autointerp.storage import vocabularies
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_one
from autointerp.storage.records import ModelRecord
from autointerp.storage.tables.base import now
from autointerp.storage.tables.models import ModelTable


def register(
    session: WriteSession,
    *,
    name: str,
    revision: str | None,
    dtype: str,
    width: int,
    layers: int,
    max_context: int,
    vocabulary: Vocabulary,
) -> ModelRecord:
    """Store a model and its vocabulary, or return the record that has the same content."""
    content = {
        "name": name,
        "revision": revision,
        "dtype": dtype,
        "width": width,
        "layers": layers,
        "max_context": max_context,
        "vocabulary_fingerprint": vocabularies.store(session, vocabulary),
    }
    row = {"identity": digest(content), "created_at": now(), **content}
    return get(session, insert_one(session, ModelTable, row, ["identity"]))


def get(session: ReadSession, model_id: int) -> ModelRecord:
    """Return one model; NotFound when there is none."""
    row = session.sql.get(ModelTable, model_id)
    if row is None:
        raise NotFound(f"there is no model {model_id}")
    return _record(row)


def list_models(session: ReadSession, *, after: int | None, limit: int) -> tuple[ModelRecord, ...]:
    """Return the models after the id `after`, oldest first."""
    statement = select(ModelTable).where(ModelTable.id > (after or 0)).order_by(ModelTable.id).limit(limit)
    return tuple(_record(row) for row in session.sql.scalars(statement))


def _record(row: ModelTable) -> ModelRecord:
    return ModelRecord(
        id=row.id,
        name=row.name,
        revision=row.revision,
        dtype=row.dtype,
        width=row.width,
        layers=row.layers,
        max_context=row.max_context,
        vocabulary_fingerprint=row.vocabulary_fingerprint,
        created_at=row.created_at,
    )
