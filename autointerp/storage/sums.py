"""The sums over a run's ledger and results, kept by the transactions that write, so that progress reads one row."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from autointerp.domain.ledger import Attempt, AttemptStatus
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.tables.runs import BudgetTable

TABLE = BudgetTable


@dataclass(frozen=True, slots=True)
class Sums:
    """What a run has asked, what that cost, and what came of it; the fields are as in RunProgress."""

    requests: int = 0
    cached: int = 0
    tokens: int = 0
    read: int = 0
    read_from_cache: int = 0
    cost: int = 0
    cost_unknown: int = 0
    explanations: int = 0
    unread: int = 0
    scores: int = 0
    controls: int = 0


RESULTS = ("explanations", "unread", "scores", "controls")


def of_run(session: ReadSession, run_id: str) -> Sums:
    """Return the sums of a run; all are zero of one that has no budget yet."""
    columns = [getattr(TABLE, name) for name in asdict(Sums())]
    row = session.sql.execute(sa.select(*columns).where(TABLE.run_id == run_id)).one_or_none()
    return Sums() if row is None else Sums(*row)


def count_attempts(session: WriteSession, attempts: Sequence[Attempt]) -> None:
    """Add lines of the ledger to the sums of their runs; one answered from the cache costs nothing."""
    for run_id in sorted({one.run for one in attempts if one.run is not None}):
        mine = [one for one in attempts if one.run == run_id]
        paid = [one for one in mine if one.status is not AttemptStatus.CACHED]
        read = [one.usage.input + one.usage.cache_read + one.usage.cache_write for one in mine]
        add(
            session,
            run_id,
            requests=len(paid),
            cached=len(mine) - len(paid),
            tokens=sum(one.usage.total for one in paid),
            read=sum(read),
            read_from_cache=sum(one.usage.cache_read for one in mine),
            cost=sum(one.cost or 0 for one in paid),
            cost_unknown=sum(one.cost is None for one in paid),
        )


def add(session: WriteSession, run_id: str, **counts: int) -> None:
    """Add to the sums of a run, by name."""
    values: Mapping[str, sa.ColumnElement[int]] = {
        name: getattr(TABLE, name) + count for name, count in counts.items() if count
    }
    if values:
        session.sql.connection().execute(sa.update(TABLE).where(TABLE.run_id == run_id).values(**values))


def take_over(session: WriteSession, run_id: str, older: str) -> None:
    """Begin the counts of a run's results with those of the run that it extends."""
    found = of_run(session, older)
    add(session, run_id, **{name: getattr(found, name) for name in RESULTS})
