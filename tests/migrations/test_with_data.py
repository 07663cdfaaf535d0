"""Databases of every version, with data in them, come to this one with nothing lost; readers go on meanwhile."""

import threading
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from autointerp.storage import calls, migrate, models, run_features, saes
from autointerp.storage.engine import Database
from autointerp.storage.records import WorkState
from tests.migrations.rows import ALSO, MOMENT, ROWS

Shape = dict[str, set[str]]
INDEX = "explanation_search"  # SQLite keeps the full-text index of explanations in tables, which triggers fill


@pytest.fixture
def new(new_url: str) -> Generator[Database]:
    database = Database(new_url)
    yield database
    database.close()


def table(connection: sa.Connection, name: str) -> sa.Table:
    """A table as the database has it now."""
    return sa.Table(name, sa.MetaData(), autoload_with=connection)


def put(database: Database, name: str, row: Mapping[str, Any]) -> None:
    with database.migrating() as connection:
        connection.execute(sa.insert(table(connection, name)).values(**row))


def fill(database: Database) -> dict[str, list[Mapping[str, Any]]]:
    """Go from revision to revision, and put rows into what each has made; returns what was put where."""
    filled: dict[str, list[Mapping[str, Any]]] = {}
    for revision in migrate.revisions():
        migrate.upgrade(database, revision)
        for name, row in (*ALSO.get(revision, {}).items(), *ROWS.get(revision, {}).items()):
            put(database, name, row)
            filled.setdefault(name, []).append(row)
    return filled


def held(database: Database, name: str) -> list[dict[str, Any]]:
    with database.migrating() as connection:
        return [dict(row) for row in connection.execute(sa.select(table(connection, name))).mappings()]


def plain(value: Any) -> Any:
    """A value as both databases have it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return bytes(value) if isinstance(value, memoryview) else value


def lost(database: Database, filled: Mapping[str, list[Mapping[str, Any]]]) -> list[str]:
    """What was put in and is not there any more."""
    missing: list[str] = []
    for name, rows in filled.items():
        there = [{key: plain(value) for key, value in row.items()} for row in held(database, name)]
        missing += [f"{name}: {row}" for row in rows if not any(row.items() <= one.items() for one in there)]
    return missing


def test_every_table_has_data_when_the_next_revision_comes(new: Database) -> None:
    filled = fill(new)

    with new.migrating() as connection:
        tables = set(sa.inspect(connection).get_table_names()) - {"alembic_version"}
    assert set(filled) == {name for name in tables if not name.startswith(INDEX)}


def test_nothing_is_lost_on_the_way_from_the_first_revision(new: Database) -> None:
    filled = fill(new)

    assert lost(new, filled) == []
    assert migrate.is_current(new)
    assert migrate.differences(new) == []
    with new.read() as session:
        assert models.get(session, 3).name == "somewhere/naïve-model"
        assert saes.get(session, 4).source == {"path": "/srv/sae"}
        assert run_features.count_states(session, "r-1") == {WorkState.FAILED: 1}
        [(_, line)] = calls.list_calls(session, run_id="r-1", after=None, limit=10)
        assert (line.started_at.replace(tzinfo=None), line.bytes, line.batch) == (MOMENT, 0, None)


@pytest.mark.parametrize("last", ["0003", "0007", "0011"])
def test_a_database_that_skipped_versions_comes_along_at_once(new: Database, last: str) -> None:
    filled: dict[str, list[Mapping[str, Any]]] = {}
    migrate.upgrade(new, last)
    for revision in (one for one in migrate.revisions() if one <= last):
        for name, row in (*ALSO.get(revision, {}).items(), *ROWS.get(revision, {}).items()):
            put(new, name, row)
            filled.setdefault(name, []).append(row)

    migrate.upgrade(new)

    assert lost(new, filled) == []
    assert migrate.differences(new) == []


def test_no_revision_takes_away_what_the_one_before_reads(new: Database) -> None:
    before: Shape = {}
    for revision in migrate.revisions():
        migrate.upgrade(new, revision)
        now = shape(new)
        gone = {name: columns - now.get(name, set()) for name, columns in before.items()}
        assert {name: columns for name, columns in gone.items() if columns} == {}, revision
        before = now


def shape(database: Database) -> Shape:
    with database.migrating() as connection:
        inspector = sa.inspect(connection)
        return {name: {one["name"] for one in inspector.get_columns(name)} for name in inspector.get_table_names()}


def test_a_reader_of_an_old_version_goes_on_during_the_upgrade(new: Database) -> None:
    migrate.upgrade(new, "0011")
    for revision in (one for one in ROWS if one <= "0011"):
        for name, row in (*ALSO.get(revision, {}).items(), *ROWS[revision].items()):
            put(new, name, row)
    over, seen, reader = threading.Event(), list[int](), Database(new.url)
    old = sa.text("SELECT count(*) FROM scores JOIN run_features ON run_features.feature_id = scores.feature_id")

    def read() -> None:
        while not over.is_set() or len(seen) < 3:
            with reader.read() as session:
                seen.append(session.sql.execute(old).scalar_one())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        migrate.upgrade(new)
    finally:
        over.set()
        thread.join(60)
        reader.close()

    assert set(seen) == {1}
    assert migrate.is_current(new)
