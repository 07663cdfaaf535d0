"""Inquiries: asked, answered once, shared while they are kept, and forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from autointerp.domain.inquiries import InquiryKind
from autointerp.errors import NotFound
from autointerp.hashing import digest
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.identifiers import new_identifier
from autointerp.storage.tables.base import now
from autointerp.storage.tables.inquiries import InquiryTable


class InquiryState(StrEnum):
    """Where an inquiry stands: refused, it cannot be answered as it was put; failed, something went wrong."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InquiryRecord:
    """One inquiry. `result` is None until it is done, `error` says why it never will be."""

    id: str
    kind: InquiryKind
    spec: Mapping[str, Any]
    state: InquiryState
    attempts: int
    result: Mapping[str, Any] | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime


def create(session: WriteSession, kind: InquiryKind, spec: Mapping[str, Any], *, keep: timedelta) -> InquiryRecord:
    """Store a new inquiry, waiting."""
    row = InquiryTable(
        id=new_identifier(),
        kind=kind.value,
        spec=dict(spec),
        spec_digest=_digest(kind, spec),
        state=InquiryState.WAITING.value,
        attempts=0,
        created_at=now(),
        expires_at=now() + keep,
    )
    session.sql.add(row)
    session.sql.flush()
    return _record(row)


def find(session: ReadSession, kind: InquiryKind, spec: Mapping[str, Any]) -> InquiryRecord | None:
    """Return the newest inquiry of the same content that is answered or will be."""
    table = InquiryTable
    same = table.spec_digest == _digest(kind, spec), table.kind == kind.value, table.expires_at > now()
    hopeful = table.state.in_([InquiryState.WAITING.value, InquiryState.DONE.value])
    statement = sa.select(table).where(*same, hopeful).order_by(table.id.desc()).limit(1)
    row = session.sql.scalars(statement).first()
    return None if row is None else _record(row)


def get(session: ReadSession, kind: InquiryKind, inquiry_id: str) -> InquiryRecord:
    """Return one inquiry; NotFound when there is none of this kind, or no longer."""
    row = session.sql.get(InquiryTable, inquiry_id, populate_existing=True)
    if row is None or row.kind != kind.value:
        raise NotFound(f"there is no such request {inquiry_id}, or it is no longer kept; ask again")
    return _record(row)


def begin(session: WriteSession, inquiry_id: str) -> InquiryRecord | None:
    """Count an attempt at an inquiry that waits, and return it; None: there is nothing to answer."""
    table = InquiryTable
    waiting = table.id == inquiry_id, table.state == InquiryState.WAITING.value
    session.sql.execute(sa.update(table).where(*waiting).values(attempts=table.attempts + 1))
    row = session.sql.scalars(sa.select(table).where(*waiting)).first()
    return None if row is None else _record(row)


def finish(session: WriteSession, inquiry_id: str, result: Mapping[str, Any]) -> None:
    """Store the answer, unless there is one."""
    _close(session, inquiry_id, InquiryState.DONE, result=dict(result))


def refuse(session: WriteSession, inquiry_id: str, error: str) -> None:
    """Say why an inquiry cannot be answered as it was put."""
    _close(session, inquiry_id, InquiryState.REFUSED, error=error)


def fail(session: WriteSession, inquiry_id: str, error: str) -> None:
    """Say what went wrong."""
    _close(session, inquiry_id, InquiryState.FAILED, error=error)


def count_waiting(session: ReadSession, kind: InquiryKind) -> int:
    """Count the inquiries of a kind that wait for their answer and are still kept."""
    table = InquiryTable
    waiting = table.kind == kind.value, table.state == InquiryState.WAITING.value, table.expires_at > now()
    return session.sql.execute(sa.select(sa.func.count()).where(*waiting)).scalar_one()


def expired(session: ReadSession, *, limit: int) -> tuple[str, ...]:
    """Return inquiries that need not be kept any longer."""
    statement = sa.select(InquiryTable.id).where(InquiryTable.expires_at <= now()).limit(limit)
    return tuple(session.sql.scalars(statement))


def forget(session: WriteSession, inquiry_id: str) -> None:
    """Delete an inquiry and its answer."""
    session.sql.execute(sa.delete(InquiryTable).where(InquiryTable.id == inquiry_id))


def _close(session: WriteSession, inquiry_id: str, state: InquiryState, **values: Any) -> None:
    waiting = InquiryTable.id == inquiry_id, InquiryTable.state == InquiryState.WAITING.value
    changed = {"state": state.value, "finished_at": now(), **values}
    session.sql.execute(sa.update(InquiryTable).where(*waiting).values(**changed))


def _digest(kind: InquiryKind, spec: Mapping[str, Any]) -> str:
    return digest([kind.value, dict(spec)])


def _record(row: InquiryTable) -> InquiryRecord:
    return InquiryRecord(
        id=row.id,
        kind=InquiryKind(row.kind),
        spec=row.spec,
        state=InquiryState(row.state),
        attempts=row.attempts,
        result=row.result,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )
