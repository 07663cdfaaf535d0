"""Rates that all workers share: a turn is one statement."""

import time

import sqlalchemy as sa

from autointerp.storage.engine import WriteSession
from autointerp.storage.insertion import insert_into
from autointerp.storage.tables.rates import RateTable


def turn(session: WriteSession, bucket: str, cost: float, *, burst: float) -> float:
    """Take what is worth `cost` seconds from a bucket, and return how many seconds to wait for it.

    PostgreSQL's own clock counts, because workers on many hosts may disagree on the time.
    """
    now: sa.ColumnElement[float] = sa.literal(time.time(), sa.Double())
    if session.dialect == "postgresql":
        now = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double())
    earliest = now - burst
    due = RateTable.due
    statement = insert_into(session, RateTable).values(bucket=bucket, due=earliest + cost)
    taken = statement.on_conflict_do_update(
        index_elements=["bucket"], set_={"due": sa.case((due < earliest, earliest), else_=due) + cost}
    )
    start, moment = session.sql.connection().execute(taken.returning(due - cost, now)).one()
    return max(0.0, start - moment)
