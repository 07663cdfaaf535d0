"""Upkeep of a database after much was written: what its planner chooses indexes by.

It is done at the end of a harvest and of an import, and on SQLite whenever a worker starts.
"""

import logging

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from autointerp.errors import AutointerpError
from autointerp.storage.engine import Database

_log = logging.getLogger(__name__)

SAMPLED = 1_000  # rows of each index that SQLite looks at; without a limit it reads the whole database
WORDS = "ix_explanations_search"  # PostgreSQL's index of words, which keeps new rows in a list that is read whole


def settle(database: Database) -> None:
    """Have the database count what it holds; PostgreSQL does so by itself after a while, SQLite never.

    Without it lists are slower and nothing else, so what is in its way is logged.
    """
    try:
        with database.write() as session:
            if database.dialect == "sqlite":
                session.sql.execute(sa.text(f"PRAGMA analysis_limit={SAMPLED}"))
            else:
                index = {"index": WORDS}
                session.sql.execute(sa.text("SELECT gin_clean_pending_list(CAST(:index AS regclass))"), index)
            session.sql.execute(sa.text("ANALYZE"))
    except (AutointerpError, DBAPIError) as error:
        _log.warning("the database was not settled, lists may be slower than they need to be: %s", error)


def settle_alone(database: Database) -> None:
    """Settle a database that never does so by itself."""
    if database.dialect == "sqlite":
        settle(database)
