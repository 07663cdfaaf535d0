"""Worker processes: their heartbeats, by the clock of the database where it has one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from autointerp.hashing import stable_int
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_into
from autointerp.storage.records import WorkerRecord
from autointerp.storage.tables.base import now
from autointerp.storage.tables.workers import WorkerTable


def beat(session: WriteSession, worker_id: str, *, kind: str, queues: Sequence[str]) -> None:
    """Say that a worker is alive."""
    moment = _clock(session)
    row = {"id": worker_id, "kind": kind, "queues": list(queues), "started_at": moment, "beat_at": moment}
    again = {"kind": kind, "queues": list(queues), "beat_at": moment}
    statement = insert_into(session, WorkerTable).values(**row)
    session.sql.connection().execute(statement.on_conflict_do_update(index_elements=["id"], set_=again))


def list_workers(session: ReadSession) -> tuple[WorkerRecord, ...]:
    """Return every worker that has not signed off, by id."""
    return tuple(_record(row) for row in session.sql.scalars(sa.select(WorkerTable).order_by(WorkerTable.id)))


def dead(session: ReadSession, *, lease: timedelta) -> tuple[WorkerRecord, ...]:
    """Return the workers whose last heartbeat is older than `lease`."""
    statement = sa.select(WorkerTable).where(WorkerTable.beat_at < _clock(session) - lease)
    return tuple(_record(row) for row in session.sql.scalars(statement.order_by(WorkerTable.id)))


def remove(session: WriteSession, worker_id: str) -> None:
    """Sign a worker off."""
    session.sql.execute(sa.delete(WorkerTable).where(WorkerTable.id == worker_id))


def try_lock(session: WriteSession, name: str) -> bool:
    """Take the lock `name` until the end of this transaction; False when another holds it.

    On SQLite a write session is alone anyway.
    """
    if session.dialect == "sqlite":
        return True
    return session.sql.execute(sa.select(sa.func.pg_try_advisory_xact_lock(stable_int("lock", name)))).scalar_one()


def _clock(session: ReadSession) -> datetime:
    if session.dialect == "sqlite":
        return now()
    return session.sql.execute(sa.select(sa.func.clock_timestamp())).scalar_one().astimezone(UTC)


def _record(row: WorkerTable) -> WorkerRecord:
    return WorkerRecord(
        id=row.id, kind=row.kind, queues=tuple(row.queues), started_at=row.started_at, beat_at=row.beat_at
    )
