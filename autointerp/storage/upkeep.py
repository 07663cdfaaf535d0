"""Upkeep of a database after much was written: statistics that its planner chooses indexes by."""

import sqlalchemy as sa

from autointerp.storage.engine import Database

SAMPLED = 1_000  # rows of each index that SQLite looks at; without a limit it reads the whole database


def settle(database: Database) -> None:
    """Have the database count what it holds; PostgreSQL does so by itself after a while, SQLite never."""
    with database.write() as session:
        if database.dialect == "sqlite":
            session.sql.execute(sa.text(f"PRAGMA analysis_limit={SAMPLED}"))
        session.sql.execute(sa.text("ANALYZE"))
