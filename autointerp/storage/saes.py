"""SAEs: each once for each subject model."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from autointerp.errors import NotFound
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_one
from autointerp.storage.records import SaeRecord
from autointerp.storage.tables.base import now
from autointerp.storage.tables.models import SaeTable


def register(
    session: WriteSession,
    *,
    model_id: int,
    fingerprint: str,
    name: str,
    kind: str,
    hook: str,
    width: int,
    features: int,
    source: Mapping[str, Any],
) -> SaeRecord:
    """Store an SAE, or return the record of the model's SAE with the same fingerprint."""
    row = {
        "model_id": model_id,
        "fingerprint": fingerprint,
        "name": name,
        "kind": kind,
        "hook": hook,
        "width": width,
        "features": features,
        "source": dict(source),
        "created_at": now(),
    }
    return get(session, insert_one(session, SaeTable, row, ["model_id", "fingerprint"]))


def get(session: ReadSession, sae_id: int) -> SaeRecord:
    """Return one SAE; NotFound when there is none."""
    row = session.sql.get(SaeTable, sae_id)
    if row is None:
        raise NotFound(f"there is no SAE {sae_id}")
    return _record(row)


def ids_of_model(session: ReadSession, model_id: int) -> tuple[int, ...]:
    """Return the ids of the SAEs of a model."""
    return tuple(session.sql.scalars(select(SaeTable.id).where(SaeTable.model_id == model_id)))


def list_saes(session: ReadSession, *, model_id: int | None, after: int | None, limit: int) -> tuple[SaeRecord, ...]:
    """Return the SAEs (of one model) after the id `after`, oldest first."""
    statement = select(SaeTable).where(SaeTable.id > (after or 0)).order_by(SaeTable.id).limit(limit)
    if model_id is not None:
        statement = statement.where(SaeTable.model_id == model_id)
    return tuple(_record(row) for row in session.sql.scalars(statement))


def _record(row: SaeTable) -> SaeRecord:
    return SaeRecord(
        id=row.id,
        model_id=row.model_id,
        fingerprint=row.fingerprint,
        name=row.name,
        kind=row.kind,
        hook=row.hook,
        width=row.width,
        features=row.features,
        source=row.source,
        created_at=row.created_at,
    )
