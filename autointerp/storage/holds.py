"""Holds: what is set aside for each attempt under way, with the worker that makes it.

Whoever deletes a hold gives back what it has set aside, so that nothing is given back twice. Budgets are settled in the
order of their runs, that two workers do not wait for each other.
"""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from autointerp.domain.ledger import Hold, Reserved
from autointerp.storage import budgets
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.tables.runs import HoldTable

TABLE = HoldTable


@dataclass(frozen=True, slots=True)
class RunHold:
    """A hold on the budget of one run, by one worker."""

    run_id: str
    worker: str
    hold: Hold


def new_hold(reserved: Reserved) -> Hold:
    """Make a hold under an id that no other one has."""
    return Hold(secrets.randbits(63), reserved)


def add(session: WriteSession, wanted: Sequence[RunHold]) -> list[bool]:
    """Set aside what each asks for, and say of each whether its run's budget holds it; where one does not hold all that
    is asked of it, one after the other."""
    at_once: dict[str, bool] = {}
    for run_id, mine in sorted(_by_run(wanted).items()):
        at_once[run_id] = budgets.reserve(session, run_id, total(one.hold.reserved for one in mine))
    granted = [at_once[one.run_id] or budgets.reserve(session, one.run_id, one.hold.reserved) for one in wanted]
    rows = [_row(one) for one, yes in zip(wanted, granted, strict=True) if yes]
    if rows:
        session.sql.connection().execute(sa.insert(TABLE), rows)
    return granted


def end(session: WriteSession, holds: Sequence[Hold]) -> frozenset[int]:
    """Delete holds and return the ids of those that were there; their budgets are still to be settled."""
    if not holds:
        return frozenset()
    statement = sa.delete(TABLE).where(TABLE.id.in_([hold.id for hold in holds])).returning(TABLE.id)
    return frozenset(session.sql.connection().execute(statement).scalars())


def give_back(session: WriteSession, held: Sequence[RunHold]) -> list[None]:
    """Set aside no longer what these hold. A transaction that was lost sight of may be about to write them; it has
    changed their budgets, and is waited for there."""
    by_run = sorted(_by_run(held).items())
    for run_id, _ in by_run:
        budgets.lock(session, run_id)
    there = end(session, [one.hold for one in held])
    for run_id, mine in by_run:
        freed = total(one.hold.reserved for one in mine if one.hold.id in there)
        budgets.settle(session, run_id, freed, cost=0, tokens=0)
    return [None] * len(held)


def give_back_all(session: WriteSession, worker: str) -> int:
    """Set aside no longer what a worker that is gone held, and return how many attempts that was for."""
    statement = sa.delete(TABLE).where(TABLE.worker == worker).returning(TABLE.run_id, TABLE.cost, TABLE.tokens)
    by_run: dict[str, list[Reserved]] = defaultdict(list)
    for run_id, cost, tokens in session.sql.connection().execute(statement):
        by_run[run_id].append(Reserved(cost=cost, tokens=tokens))
    for run_id, freed in sorted(by_run.items()):
        budgets.settle(session, run_id, total(freed), cost=0, tokens=0)
    return sum(map(len, by_run.values()))


def holders(session: ReadSession) -> frozenset[str]:
    """Return the workers that hold anything."""
    return frozenset(session.sql.scalars(sa.select(TABLE.worker).distinct()))


def total(parts: Iterable[Reserved]) -> Reserved:
    """Add up."""
    parts = list(parts)
    return Reserved(cost=sum(part.cost for part in parts), tokens=sum(part.tokens for part in parts))


def _by_run(holds: Collection[RunHold]) -> Mapping[str, list[RunHold]]:
    by_run: dict[str, list[RunHold]] = defaultdict(list)
    for one in holds:
        by_run[one.run_id].append(one)
    return by_run


def _row(one: RunHold) -> dict[str, str | int]:
    reserved = one.hold.reserved
    return {
        "id": one.hold.id,
        "run_id": one.run_id,
        "worker": one.worker,
        "cost": reserved.cost,
        "tokens": reserved.tokens,
    }
