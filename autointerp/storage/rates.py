"""Rates that all processes share: a turn is one statement."""

import time

import sqlalchemy as sa

from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_into
from autointerp.storage.tables.rates import RateTable


def turn(session: WriteSession, bucket: str, cost: float, *, burst: float) -> float:
    """Take what is worth `cost` seconds from a bucket, and return how many seconds to wait for it.

    PostgreSQL's own clock counts, because workers on many hosts may disagree on the time.
    """
    now = _clock(session)
    earliest = now - burst
    due = RateTable.due
    statement = insert_into(session, RateTable).values(bucket=bucket, due=earliest + cost)
    taken = statement.on_conflict_do_update(
        index_elements=["bucket"], set_={"due": sa.case((due < earliest, earliest), else_=due) + cost}
    )
    start, moment = session.sql.connection().execute(taken.returning(due - cost, now)).one()
    return max(0.0, start - moment)


def try_turn(session: WriteSession, bucket: str, cost: float, *, burst: float) -> float:
    """Take what is worth `cost` seconds from a bucket if it is there now, and return 0.

    Otherwise nothing is taken, and the seconds are returned until it is there.
    """
    now = _clock(session)
    earliest = now - burst
    due = RateTable.due
    free = sa.case((due < earliest, earliest), else_=due)
    statement = insert_into(session, RateTable).values(bucket=bucket, due=earliest + cost)
    taken = statement.on_conflict_do_update(
        index_elements=["bucket"], set_={"due": free + cost}, where=free + cost <= now
    )
    if session.sql.connection().execute(taken.returning(due)).first() is not None:
        return 0.0
    wait = sa.select(due + cost - now).where(RateTable.bucket == bucket)
    return max(0.0, session.sql.execute(wait).scalar_one())


def _clock(session: ReadSession) -> sa.ColumnElement[float]:
    if session.dialect == "postgresql":
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double())
    return sa.literal(time.time(), sa.Double())
