"""Budgets of runs: reserved before a call, settled after it, each in one statement that is safe across workers.

What is reserved is the sum of the run's holds and of its requests in batches.
"""

from typing import Any

import sqlalchemy as sa

from autointerp.domain.ledger import Reserved
from autointerp.domain.specs import Budget
from autointerp.errors import NotFound
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.records import BudgetRecord
from autointerp.storage.tables.runs import BudgetTable

NANO = 1_000_000_000
TABLE = BudgetTable


def open_budget(session: WriteSession, run_id: str, budget: Budget) -> None:
    """Give a run its budget; again changes nothing."""
    row = {
        "run_id": run_id,
        **_caps(budget),
        "spent_cost": 0,
        "spent_tokens": 0,
        "reserved_cost": 0,
        "reserved_tokens": 0,
    }
    insert_if_absent(session, TABLE, [row])


def change(session: WriteSession, run_id: str, budget: Budget) -> None:
    """Set other limits; what was spent and is set aside stays."""
    session.sql.execute(sa.update(TABLE).where(TABLE.run_id == run_id).values(**_caps(budget)))


def get(session: ReadSession, run_id: str) -> BudgetRecord:
    """Return the budget of a run; NotFound when it has none."""
    row = session.sql.get(TABLE, run_id, populate_existing=True)
    if row is None:
        raise NotFound(f"the run {run_id} has no budget")
    return BudgetRecord(
        run_id=row.run_id,
        cap_cost=row.cap_cost,
        cap_tokens=row.cap_tokens,
        spent_cost=row.spent_cost,
        spent_tokens=row.spent_tokens,
        reserved_cost=row.reserved_cost,
        reserved_tokens=row.reserved_tokens,
    )


def reserve(session: WriteSession, run_id: str, reserved: Reserved) -> bool:
    """Set aside this much; False when the budget does not hold it."""
    statement = (
        sa.update(TABLE)
        .where(
            TABLE.run_id == run_id,
            _holds(TABLE.cap_cost, TABLE.spent_cost + TABLE.reserved_cost + reserved.cost),
            _holds(TABLE.cap_tokens, TABLE.spent_tokens + TABLE.reserved_tokens + reserved.tokens),
        )
        .values(
            reserved_cost=TABLE.reserved_cost + reserved.cost, reserved_tokens=TABLE.reserved_tokens + reserved.tokens
        )
    )
    if session.sql.connection().execute(statement).rowcount == 1:
        return True
    get(session, run_id)
    return False


def settle(session: WriteSession, run_id: str, reserved: Reserved, *, cost: int, tokens: int) -> None:
    """Give back what was reserved and book what was spent."""
    statement = sa.update(TABLE).where(TABLE.run_id == run_id)
    session.sql.connection().execute(
        statement.values(
            reserved_cost=TABLE.reserved_cost - reserved.cost,
            reserved_tokens=TABLE.reserved_tokens - reserved.tokens,
            spent_cost=TABLE.spent_cost + cost,
            spent_tokens=TABLE.spent_tokens + tokens,
        )
    )


def lock(session: WriteSession, run_id: str) -> None:
    """Wait for the transactions that have changed a run's budget, and let no other change it before this one ends."""
    session.sql.execute(sa.select(TABLE.run_id).where(TABLE.run_id == run_id).with_for_update())


def _caps(budget: Budget) -> dict[str, int | None]:
    cost = None if budget.dollars is None else round(budget.dollars * NANO)
    return {"cap_cost": cost, "cap_tokens": budget.tokens}


def _holds(cap: Any, total: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.or_(cap.is_(None), total <= cap)
