"""Batches: stored before they are handed in, claimed by one worker at a time, closed once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import CursorResult

from autointerp.errors import NotFound
from autointerp.storage.batch_records import BatchProgress, BatchRecord, BatchState, ItemState
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.identifiers import new_identifier
from autointerp.storage.tables.base import now
from autointerp.storage.tables.batches import BatchItemTable, BatchTable

TABLE = BatchTable
OPEN = (BatchState.SUBMITTING, BatchState.RUNNING)
SHOWN = 100


def create(
    session: WriteSession, *, run_id: str, endpoint: str, provider: str, model: str, tag: str, requests: int
) -> BatchRecord:
    """Store the intent to hand in a batch."""
    moment = now()
    row = BatchTable(
        id=new_identifier(),
        run_id=run_id,
        endpoint=endpoint,
        provider=provider,
        model=model,
        state=BatchState.SUBMITTING.value,
        tag=tag,
        requests=requests,
        done=0,
        cancel=False,
        full=False,
        next_look_at=moment,
        created_at=moment,
    )
    session.sql.add(row)
    session.sql.flush()
    return _record(row)


def get(session: ReadSession, batch_id: str) -> BatchRecord:
    """Return one batch; NotFound when there is none."""
    row = session.sql.get(TABLE, batch_id, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no batch {batch_id}")
    return _record(row)


def due(session: ReadSession, *, limit: int = 100) -> tuple[BatchRecord, ...]:
    """Return the open batches that it is time to look at and that nobody holds, the longest due first."""
    statement = sa.select(TABLE).where(*_free()).order_by(TABLE.next_look_at, TABLE.id).limit(limit)
    return tuple(_record(row) for row in session.sql.scalars(statement))


def claim(session: WriteSession, batch_id: str, *, lease: timedelta) -> bool:
    """Take a batch that is due, for as long as the lease; False when another worker has it or was faster."""
    statement = sa.update(TABLE).where(TABLE.id == batch_id, *_free()).values(claimed_until=now() + lease)
    return _count(session, statement) == 1


def renew(session: WriteSession, batch_id: str, *, lease: timedelta) -> None:
    """Hold a batch longer."""
    session.sql.execute(sa.update(TABLE).where(TABLE.id == batch_id).values(claimed_until=now() + lease))


def release(session: WriteSession, batch: BatchRecord, *, pause: timedelta, error: str | None = None) -> None:
    """Let go of a batch and say when it is looked at next; at once where its end was asked for meanwhile."""
    moment = now()
    looked = sa.case((TABLE.cancel != batch.cancel, moment), else_=moment + pause)
    statement = sa.update(TABLE).where(TABLE.id == batch.id, TABLE.state.in_(OPEN))
    session.sql.execute(statement.values(claimed_until=None, next_look_at=looked, error=error))


def note_attempt(session: WriteSession, batch_id: str, moment: datetime | None) -> None:
    """Say since when the vendor may have the batch; None: it surely has not."""
    session.sql.execute(sa.update(TABLE).where(TABLE.id == batch_id).values(submitted_at=moment))


def adopt(session: WriteSession, batch_id: str, *, remote_id: str, input_file: str | None) -> None:
    """Store the name that the vendor has for the batch."""
    statement = sa.update(TABLE).where(TABLE.id == batch_id, TABLE.state == BatchState.SUBMITTING)
    session.sql.execute(
        statement.values(state=BatchState.RUNNING.value, remote_id=remote_id, input_file=input_file, error=None)
    )


def note_done(session: WriteSession, batch_id: str, done: int) -> None:
    """Store how many requests the vendor is through with."""
    session.sql.execute(sa.update(TABLE).where(TABLE.id == batch_id).values(done=done))


def close(
    session: WriteSession, batch_id: str, state: BatchState, *, error: str | None = None, full: bool = False
) -> None:
    """End a batch; nothing happens to one that has ended."""
    statement = sa.update(TABLE).where(TABLE.id == batch_id, TABLE.state.in_(OPEN))
    values: dict[str, Any] = {"state": state.value, "error": error, "full": full, "ended_at": now()}
    session.sql.execute(statement.values(claimed_until=None, **values))


def ask_cancel(session: WriteSession, run_id: str) -> None:
    """Ask for the end of a run's open batches; whoever looks at them next tells the vendor."""
    statement = sa.update(TABLE).where(TABLE.run_id == run_id, TABLE.state.in_(OPEN))
    session.sql.execute(statement.values(cancel=True, next_look_at=now()))


def known(session: ReadSession, endpoint: str) -> frozenset[str]:
    """Return the vendor's names of all batches of an endpoint."""
    statement = sa.select(TABLE.remote_id).where(TABLE.endpoint == endpoint, TABLE.remote_id.is_not(None))
    return frozenset(name for name in session.sql.scalars(statement) if name is not None)


def last_full(session: ReadSession, endpoint: str, model: str) -> BatchRecord | None:
    """Return the newest batch to a model that was refused because too much was waiting at the vendor."""
    which = TABLE.endpoint == endpoint, TABLE.model == model, TABLE.full
    row = session.sql.scalars(sa.select(TABLE).where(*which).order_by(TABLE.ended_at.desc()).limit(1)).one_or_none()
    return None if row is None else _record(row)


def open_of_run(session: ReadSession, run_id: str) -> tuple[BatchRecord, ...]:
    """Return the batches of a run that are not finished, oldest first."""
    statement = sa.select(TABLE).where(TABLE.run_id == run_id, TABLE.state.in_(OPEN)).order_by(TABLE.id)
    return tuple(_record(row) for row in session.sql.scalars(statement))


def progress(session: ReadSession, run_id: str) -> BatchProgress:
    """Count a run's requests by where they stand, and list the batches that are not finished."""
    items = sa.select(BatchItemTable.state, sa.func.count()).where(BatchItemTable.run_id == run_id)
    ended = sa.select(sa.func.count()).where(TABLE.run_id == run_id, TABLE.state.not_in(OPEN))
    return BatchProgress(
        items={ItemState(state): count for state, count in session.sql.execute(items.group_by(BatchItemTable.state))},
        open=open_of_run(session, run_id)[:SHOWN],
        ended=session.sql.execute(ended).scalar_one(),
    )


def _free() -> Sequence[sa.ColumnElement[bool]]:
    moment = now()
    return (
        TABLE.state.in_(OPEN),
        TABLE.next_look_at <= moment,
        sa.or_(TABLE.claimed_until.is_(None), TABLE.claimed_until < moment),
    )


def _count(session: WriteSession, statement: sa.Update) -> int:
    return cast("CursorResult[Any]", session.sql.execute(statement)).rowcount


def _record(row: BatchTable) -> BatchRecord:
    return BatchRecord(
        id=row.id,
        run_id=row.run_id,
        endpoint=row.endpoint,
        provider=row.provider,
        model=row.model,
        state=BatchState(row.state),
        tag=row.tag,
        remote_id=row.remote_id,
        input_file=row.input_file,
        requests=row.requests,
        done=row.done,
        cancel=row.cancel,
        full=row.full,
        error=row.error,
        next_look_at=row.next_look_at,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
    )
