"""The requests that are or will be in batches: one row for each request of a run, and the chunks that wait for it."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from autointerp.domain.calls import Request
from autointerp.domain.ledger import Reserved
from autointerp.storage.batch_records import BatchGroup, BatchItem, ItemState
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.packing import pack_request, unpack_request
from autointerp.storage.tables.base import now
from autointerp.storage.tables.batches import BatchItemTable, BatchWaitTable
from autointerp.storage.tables.books import ReplyTable

TABLE = BatchItemTable
OPEN = (ItemState.PENDING, ItemState.SENT)
FEW = 500  # values in one statement

T = TypeVar("T")


def defer(session: WriteSession, run_id: str, chunk: int, generation: int, requests: Sequence[Request]) -> None:
    """Store requests for the next batch and that a chunk waits for them; one that is there already stays as it is.

    One that failed before the run was resumed is asked again, and one that was to be sent online but cannot yet goes
    into a batch after all.
    """
    moment = now()
    rows = [
        {
            "run_id": run_id,
            "key": request.key,
            "generation": generation,
            "endpoint": request.endpoint,
            "model": request.model,
            "packed": pack_request(request),
            "state": ItemState.PENDING.value,
            "lapses": 0,
            "malformed": 0,
            "reserved_cost": 0,
            "reserved_tokens": 0,
            "created_at": moment,
        }
        for request in requests
    ]
    insert_if_absent(session, TABLE, rows)
    for keys in _few([request.key for request in requests]):
        mine = TABLE.run_id == run_id, TABLE.key.in_(keys)
        again = {"state": ItemState.PENDING.value, "lapses": 0, "malformed": 0, "error_kind": None, "error": None}
        failed = sa.update(TABLE).where(*mine, TABLE.state == ItemState.FAILED, TABLE.generation < generation)
        session.sql.execute(failed.values(**again, created_at=moment))
        online = sa.update(TABLE).where(*mine, TABLE.state == ItemState.ONLINE)
        session.sql.execute(online.values(state=ItemState.PENDING.value, batch_id=None, custom_id=None))
        session.sql.execute(sa.update(TABLE).where(*mine, TABLE.state.in_(OPEN)).values(generation=generation))
        ids = session.sql.scalars(sa.select(TABLE.id).where(*mine))
        insert_if_absent(session, BatchWaitTable, [{"item_id": item_id, "chunk": chunk} for item_id in ids])


def find(session: ReadSession, run_id: str, key: str) -> BatchItem | None:
    """Return a request of a run; None when it was never deferred."""
    row = session.sql.scalars(sa.select(TABLE).where(TABLE.run_id == run_id, TABLE.key == key)).one_or_none()
    return None if row is None else _record(row)


def open_chunks(session: ReadSession, run_id: str) -> frozenset[int]:
    """Return the chunks that wait for a request without an answer."""
    statement = (
        sa.select(BatchWaitTable.chunk)
        .join(TABLE, TABLE.id == BatchWaitTable.item_id)
        .where(TABLE.run_id == run_id, TABLE.state.in_(OPEN))
    )
    return frozenset(session.sql.scalars(statement.distinct()))


def groups(session: ReadSession, run_id: str) -> tuple[BatchGroup, ...]:
    """Return, by model, how many requests wait for a batch."""
    statement = (
        sa.select(TABLE.endpoint, TABLE.model, sa.func.count(), sa.func.min(TABLE.created_at))
        .where(TABLE.run_id == run_id, TABLE.state == ItemState.PENDING)
        .group_by(TABLE.endpoint, TABLE.model)
        .order_by(TABLE.endpoint, TABLE.model)
    )
    return tuple(BatchGroup(*row) for row in session.sql.execute(statement))


def pending(session: ReadSession, run_id: str, endpoint: str, model: str, *, limit: int) -> tuple[BatchItem, ...]:
    """Return the first requests to a model that wait for a batch."""
    mine = TABLE.run_id == run_id, TABLE.endpoint == endpoint, TABLE.model == model
    statement = sa.select(TABLE).where(*mine, TABLE.state == ItemState.PENDING).order_by(TABLE.id).limit(limit)
    return tuple(_record(row) for row in session.sql.scalars(statement))


def answer_from_cache(session: WriteSession, run_id: str) -> None:
    """Close the waiting requests whose reply is kept: another run has paid for it."""
    kept = sa.exists().where(ReplyTable.key == TABLE.key)
    statement = sa.update(TABLE).where(TABLE.run_id == run_id, TABLE.state == ItemState.PENDING, kept)
    session.sql.execute(statement.values(state=ItemState.KEPT.value))


def send(
    session: WriteSession, batch_id: str, names: Mapping[int, str], reserved: Mapping[int, tuple[int, int]]
) -> int:
    """Put waiting requests in a batch, by id with custom ids and (cost, tokens) set aside; return how many it has."""
    rows = [
        {"b_id": item_id, "b_name": name, "b_cost": reserved[item_id][0], "b_tokens": reserved[item_id][1]}
        for item_id, name in names.items()
    ]
    table = cast(sa.Table, TABLE.__table__)
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("b_id"), table.c.state == ItemState.PENDING.value)
        .values(
            state=ItemState.SENT.value,
            batch_id=batch_id,
            custom_id=sa.bindparam("b_name"),
            reserved_cost=sa.bindparam("b_cost"),
            reserved_tokens=sa.bindparam("b_tokens"),
        )
    )
    session.sql.connection().execute(statement, rows)
    return count_sent(session, batch_id)


def count_sent(session: ReadSession, batch_id: str) -> int:
    """Count the requests of a batch that have no answer yet."""
    which = TABLE.batch_id == batch_id, TABLE.state == ItemState.SENT
    return session.sql.execute(sa.select(sa.func.count()).where(*which)).scalar_one()


def sent(session: ReadSession, batch_id: str, *, limit: int | None = None) -> tuple[BatchItem, ...]:
    """Return the requests of a batch that have no answer yet; in a write session they are held until its end."""
    statement = sa.select(TABLE).where(TABLE.batch_id == batch_id, TABLE.state == ItemState.SENT).order_by(TABLE.id)
    return _held(session, statement.limit(limit))


def sent_as(session: WriteSession, batch_id: str, custom_ids: Sequence[str]) -> Mapping[str, BatchItem]:
    """Return those of the named requests of a batch that have no answer yet, held until the end of the transaction."""
    found: dict[str, BatchItem] = {}
    for names in _few(custom_ids):
        which = TABLE.batch_id == batch_id, TABLE.state == ItemState.SENT, TABLE.custom_id.in_(names)
        found |= {item.custom_id or "": item for item in _held(session, sa.select(TABLE).where(*which))}
    return found


def reserved(session: ReadSession, run_id: str) -> Reserved:
    """Return what is set aside for the requests of a run that are in batches."""
    statement = sa.select(sa.func.sum(TABLE.reserved_cost), sa.func.sum(TABLE.reserved_tokens))
    which = TABLE.run_id == run_id, TABLE.state == ItemState.SENT
    cost, tokens = session.sql.execute(statement.where(*which)).one()
    return Reserved(cost=int(cost or 0), tokens=int(tokens or 0))


def close(
    session: WriteSession, item_id: int, state: ItemState, *, kind: str | None = None, error: str | None = None
) -> None:
    """End a request's way through batches, and give back what was set aside on its row."""
    values: dict[str, Any] = {"state": state.value, "error_kind": kind, "error": error}
    session.sql.execute(
        sa.update(TABLE).where(TABLE.id == item_id).values(**values, reserved_cost=0, reserved_tokens=0)
    )


def wait_again(session: WriteSession, item_id: int, *, lapses: int, malformed: int, error: str | None) -> None:
    """Let a request wait for another batch."""
    values: dict[str, Any] = {"state": ItemState.PENDING.value, "batch_id": None, "custom_id": None, "error": error}
    counts = {"lapses": lapses, "malformed": malformed, "reserved_cost": 0, "reserved_tokens": 0}
    session.sql.execute(sa.update(TABLE).where(TABLE.id == item_id).values(**values, **counts))


def _held(session: ReadSession, statement: sa.Select[BatchItemTable]) -> tuple[BatchItem, ...]:
    if isinstance(session, WriteSession) and session.dialect == "postgresql":
        statement = statement.with_for_update()
    return tuple(_record(row) for row in session.sql.scalars(statement.execution_options(populate_existing=True)))


def _few(values: Sequence[T]) -> Generator[Sequence[T]]:
    for first in range(0, len(values), FEW):
        yield values[first : first + FEW]


def _record(row: BatchItemTable) -> BatchItem:
    return BatchItem(
        id=row.id,
        run_id=row.run_id,
        generation=row.generation,
        request=unpack_request(row.packed),
        state=ItemState(row.state),
        custom_id=row.custom_id,
        lapses=row.lapses,
        malformed=row.malformed,
        error_kind=row.error_kind,
        error=row.error,
        reserved_cost=row.reserved_cost,
        reserved_tokens=row.reserved_tokens,
        created_at=row.created_at,
    )
