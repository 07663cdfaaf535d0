"""Sums over the ledger for whoever asks again and again: each line is read once, however many there are."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any

import sqlalchemy as sa

from autointerp.domain.ledger import AttemptStatus
from autointerp.storage.engine import ReadSession
from autointerp.storage.tables.books import CallTable

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
FRESH = 10_000  # newest lines that are counted anew each time
PAGE = 10_000
PATIENCE = 0.5  # seconds that one reading may take of lines that were never counted


@dataclass(frozen=True, slots=True)
class Key:
    """What a sum is over. `bucket` is how many of BOUNDS an attempt took longer than."""

    endpoint: str
    model: str
    status: AttemptStatus
    batch: bool
    bucket: int


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of lines; `cost` in nano-dollars, over the lines whose cost is known."""

    lines: int
    seconds: float
    input: int
    cache_read: int
    cache_write: int
    output: int
    cost: int

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


class LedgerSums:
    """Sums that only grow, for one process; safe to share between threads.

    On PostgreSQL a line may be committed after one with a larger number, so the newest ones are not settled: they are
    counted anew at each reading, and those before them never again.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._settled: dict[Key, Sums] = {}
        self._until = 0

    def read(self, session: ReadSession) -> dict[Key, Sums] | None:
        """Sum up; None: there are more lines than can be read at once, and the next reading goes on from there."""
        with self._lock:
            newest = session.sql.execute(sa.select(sa.func.max(CallTable.id))).scalar_one() or 0
            if not self._settle(session, newest - FRESH):
                return None
            return _together(self._settled, _sums(session, self._until, newest))

    def _settle(self, session: ReadSession, until: int) -> bool:
        end = time.monotonic() + PATIENCE
        while self._until < until:
            if time.monotonic() > end:
                return False
            page = min(until, self._until + PAGE)
            self._settled = _together(self._settled, _sums(session, self._until, page))
            self._until = page
        return True


def _together(sums: dict[Key, Sums], more: Iterable[tuple[Key, Sums]]) -> dict[Key, Sums]:
    total = dict(sums)
    for key, found in more:
        total[key] = total[key] + found if key in total else found
    return total


def _sums(session: ReadSession, after: int, until: int) -> Sequence[tuple[Key, Sums]]:
    seconds = _seconds(session.dialect)
    bucket = sa.case(*((seconds <= bound, place) for place, bound in enumerate(BOUNDS)), else_=len(BOUNDS))
    keys = (CallTable.endpoint, CallTable.model_asked, CallTable.status, CallTable.batch.is_not(None), bucket)
    columns = (CallTable.input, CallTable.cache_read, CallTable.cache_write, CallTable.output, CallTable.cost)
    statement = (
        sa.select(*keys, sa.func.count(), sa.func.sum(seconds), *map(_total, columns))
        .where(CallTable.id > after, CallTable.id <= until)
        .group_by(*(sa.literal_column(str(place + 1)) for place in range(len(keys))))
    )
    return [(_key(row[:5]), _of(row[5:])) for row in session.sql.execute(statement)]


def _seconds(dialect: str) -> sa.ColumnElement[float]:
    if dialect == "sqlite":
        days = sa.func.julianday(CallTable.finished_at) - sa.func.julianday(CallTable.started_at)
        return sa.type_coerce(days, sa.Double()) * 86_400.0
    return sa.cast(sa.extract("epoch", CallTable.finished_at - CallTable.started_at), sa.Double())


def _total(column: Any) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(column), 0)


def _key(row: Sequence[Any]) -> Key:
    endpoint, model, status, batch, bucket = row
    return Key(endpoint, model, AttemptStatus(status), bool(batch), int(bucket))


def _of(row: Sequence[Any]) -> Sums:
    lines, seconds, *counts = row
    return Sums(int(lines), float(seconds), *map(int, counts))
