"""The migrations: they make what the code declares, go back, and can be run by several processes at once."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from autointerp.errors import Unavailable
from autointerp.storage import budgets, migrate, models
from autointerp.storage.engine import Database


@pytest.fixture
def new(new_url: str) -> Generator[Database]:
    database = Database(new_url)
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    with database.migrating() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_an_upgrade_makes_exactly_the_tables_that_the_code_declares(new: Database) -> None:
    migrate.upgrade(new)

    assert migrate.differences(new) == []
    assert migrate.is_current(new)


def test_a_database_can_go_back_and_forth(new: Database) -> None:
    migrate.upgrade(new)
    before = tables(new)

    migrate.downgrade(new, "base")

    assert tables(new) == {"alembic_version"}
    assert migrate.current(new) is None

    migrate.upgrade(new)

    assert tables(new) == before
    assert migrate.differences(new) == []


def test_every_step_can_be_taken_back_alone(new: Database) -> None:
    migrate.upgrade(new)

    for _ in migrate.revisions():
        before = migrate.current(new)
        migrate.downgrade(new, "-1")
        assert migrate.current(new) != before
    assert migrate.current(new) is None


def test_the_revisions_form_one_line() -> None:
    script = ScriptDirectory.from_config(migrate.configuration(None))

    assert script.get_bases() == ["0001"]
    assert script.get_heads() == [migrate.head()]


def test_several_upgrades_at_once_do_the_work_once(new: Database) -> None:
    others = [Database(new.url) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate.upgrade, others))

    assert migrate.is_current(new)
    for other in others:
        other.close()


def test_the_check_that_needs_no_database_finds_nothing() -> None:
    assert migrate.check() == []


def test_a_database_of_a_newer_version_is_left_alone(new: Database) -> None:
    migrate.upgrade(new)
    with new.migrating() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Unavailable, match="revision 9999, unknown to this version"):
        migrate.upgrade(new)


def test_a_migration_that_fails_leaves_nothing_behind(new: Database) -> None:
    with new.migrating() as connection:
        connection.execute(sa.text("CREATE TABLE scores (id INTEGER)"))

    with pytest.raises(DBAPIError, match=r"scores.* already exists"):
        migrate.upgrade(new)

    assert tables(new) == {"scores"}


def test_a_missing_column_is_found(new: Database) -> None:
    migrate.upgrade(new)
    with new.migrating() as connection:
        connection.execute(sa.text("ALTER TABLE prompts DROP COLUMN text"))

    (difference,) = migrate.differences(new)

    assert "add_column" in difference
    assert "prompts" in difference


def test_a_database_without_tables_says_what_to_do(new: Database) -> None:
    with pytest.raises(Unavailable, match="autointerp db upgrade"), new.read() as session:
        models.get(session, 1)


def test_what_no_worker_holds_any_more_is_free_after_the_upgrade_that_names_holders(new: Database) -> None:
    migrate.upgrade(new, "0013")
    before = [
        "INSERT INTO runs (id, spec, spec_digest, state, created_at) VALUES ('r', '{}', 'd', 'running', '2026-01-01')",
        "INSERT INTO budgets VALUES ('r', NULL, 900, 1, 2, 30, 400)",
        *(
            "INSERT INTO batch_items (id, run_id, key, generation, endpoint, model, packed, state, lapses, malformed, "
            f"reserved_cost, reserved_tokens, created_at) VALUES ({number}, 'r', '{number}', 0, 'e', 'm', '', '{state}'"
            ", 0, 0, 5, 70, '2026-01-01')"
            for number, state in enumerate(("sent", "sent", "answered"))
        ),
    ]
    with new.migrating() as connection:
        for statement in before:
            connection.execute(sa.text(statement))

    migrate.upgrade(new)

    with new.read() as session:
        budget = budgets.get(session, "r")
    assert (1, 2) == (budget.spent_cost, budget.spent_tokens)
    assert (10, 140) == (budget.reserved_cost, budget.reserved_tokens)
