"""Signs of life of the database itself."""

from datetime import UTC, datetime

import sqlalchemy as sa

from autointerp.storage.engine import Database
from autointerp.storage.tables.rates import RateTable


class _Enough(Exception):
    """Takes back a write that was only a try."""


def check_writable(database: Database) -> None:
    """Write a row and take it back; Unavailable when that is refused."""
    try:
        with database.write() as session:
            session.sql.execute(sa.insert(RateTable).values(bucket="autointerp doctor", due=0.0))
            raise _Enough
    except _Enough:
        return


def clock(database: Database) -> datetime:
    """The time by the clock of the PostgreSQL server."""
    with database.read() as session:
        return session.sql.execute(sa.select(sa.func.clock_timestamp())).scalar_one().astimezone(UTC)


def has_table(database: Database, name: str, *, schema: str) -> bool:
    """Whether a schema of the PostgreSQL database has a table."""
    with database.read() as session:
        return sa.inspect(session.sql.connection()).has_table(name, schema=schema)
