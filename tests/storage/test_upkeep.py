"""A database is settled after much was written: its planner knows what it holds, and no new rows wait for an index."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

from autointerp.storage import upkeep
from autointerp.storage.engine import Database

from .conftest import World, feature


def counted(database: Database) -> bool:
    """Whether the planner knows how many explanations there are."""
    asked = {
        "sqlite": "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'explanations'",
        "postgresql": "SELECT reltuples FROM pg_class WHERE relname = 'explanations'",
    }
    with database.read() as session:
        if database.dialect == "sqlite" and not sa.inspect(session.sql.connection()).has_table("sqlite_stat1"):
            return False
        return session.sql.execute(sa.text(asked[database.dialect])).scalar_one() > 0


def pending(database: Database) -> int:
    """How many rows PostgreSQL has not brought into its index of words."""
    with database.write() as session:
        clean = "SELECT gin_clean_pending_list(CAST(:index AS regclass))"
        return session.sql.execute(sa.text(clean), {"index": upkeep.WORDS}).scalar_one()


def test_the_planner_knows_what_was_written(world: World) -> None:
    for feature_id in world.store(*(feature(i) for i in range(30))):
        world.explain(feature_id, text="fires on zebras " * 20)

    upkeep.settle(world.database)

    assert counted(world.database)
    assert world.database.dialect == "sqlite" or pending(world.database) == 0


def test_what_never_does_so_by_itself_is_settled_when_a_worker_starts(world: World) -> None:
    for feature_id in world.store(feature(0)):
        world.explain(feature_id)

    upkeep.settle_alone(world.database)

    assert world.database.dialect == "postgresql" or counted(world.database)


def test_a_database_that_cannot_be_settled_is_used_all_the_same(
    upgraded_sqlite: object, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(f"sqlite:///{upgraded_sqlite}?timeout=0")
    with closing(sqlite3.connect(str(upgraded_sqlite))) as other:
        other.execute("BEGIN IMMEDIATE")
        upkeep.settle(database)

    assert "lists may be slower" in caplog.text
