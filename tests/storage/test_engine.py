"""Sessions: who may write, what is kept, and what a user hears when the database is not there."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, StatementError

from autointerp.errors import DamagedFile, InvalidInput, Unavailable
from autointerp.storage import prompts
from autointerp.storage.engine import Database
from autointerp.storage.tables.books import CallTable
from autointerp.storage.tables.explanations import PromptTable
from autointerp.storage.tables.workers import WorkerTable


def save(database: Database, version: str, text: str = "text") -> None:
    with database.write() as session:
        prompts.save(session, version=version, name="name", text=text)


def count(database: Database) -> int:
    with database.read() as session:
        return session.sql.execute(sa.select(sa.func.count()).select_from(PromptTable)).scalar_one()


def test_what_a_write_session_did_is_kept_when_it_ends(database: Database) -> None:
    save(database, "1")

    with database.read() as session:
        assert prompts.get(session, "1").text == "text"


def test_nothing_is_kept_of_a_write_session_that_failed(database: Database) -> None:
    def save_and_fail() -> None:
        with database.write() as session:
            prompts.save(session, version="1", name="name", text="text")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()

    assert count(database) == 0


def test_the_database_itself_refuses_a_write_through_a_read_session(database: Database) -> None:
    with pytest.raises((Unavailable, DBAPIError)), database.read() as session:
        session.sql.execute(sa.insert(PromptTable).values(version="1", name="name", text="text"))

    assert count(database) == 0
    save(database, "2")
    assert count(database) == 1


def test_a_read_session_sees_one_moment(database: Database) -> None:
    save(database, "1")

    with database.read() as session:
        before = session.sql.execute(sa.select(sa.func.count()).select_from(PromptTable)).scalar_one()
        save(database, "2")
        after = session.sql.execute(sa.select(sa.func.count()).select_from(PromptTable)).scalar_one()

    assert (before, after) == (1, 1)
    assert count(database) == 2


def test_many_threads_and_two_handles_write_at_once_and_nothing_is_lost(database: Database) -> None:
    other = Database(database.url)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: save((database, other)[i % 2], str(i)), range(60)))
    other.close()

    assert count(database) == 60


def test_a_key_to_a_row_that_is_not_there_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), database.write() as session:
        session.sql.execute(sa.text('INSERT INTO features (sae_id, "index") VALUES (5, 0)'))


@pytest.mark.parametrize("text", ["NUL \x00 in it", "half a pair \ud83d of surrogates"])
def test_text_that_no_database_can_hold_is_kept_as_far_as_it_can(database: Database, text: str) -> None:
    save(database, "1", text)

    with database.read() as session:
        kept = prompts.get(session, "1").text
    assert kept == text.replace("\x00", "\ufffd").replace("\ud83d", "\ufffd")


def test_a_moment_of_any_zone_comes_back_in_utc(database: Database) -> None:
    moment = datetime(2026, 7, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    row = dict.fromkeys(("request", "endpoint", "model_asked", "status"), "x")
    numbers = dict.fromkeys(("attempt", "input", "cache_read", "cache_write", "output", "reasoning"), 0)
    with database.write() as session:
        session.sql.execute(sa.insert(CallTable).values(**row, **numbers, started_at=moment, finished_at=moment))

    with database.read() as session:
        kept = session.sql.execute(sa.select(CallTable.started_at)).scalar_one()

    assert kept == moment
    assert kept.tzinfo is UTC


def test_a_number_that_is_no_number_is_refused_in_json(database: Database) -> None:
    with pytest.raises((StatementError, ValueError), match="not JSON compliant"), database.write() as session:
        session.sql.execute(sa.insert(WorkerTable).values(id="w", kind="x", queues=[float("nan")]))


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite:///x.db"]
)
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="sqlite:///FILE or postgresql://"):
        Database(url)


def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path}/deep/down/x.db").close()

    assert (tmp_path / "deep/down").is_dir()


def test_a_locked_file_is_unavailable(upgraded_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(upgraded_sqlite.read_bytes())
    holder, waiting = Database(f"sqlite:///{path}"), Database(f"sqlite:///{path}?timeout=0.05")

    with holder.write(), pytest.raises(Unavailable, match="locked by another process"):
        save(waiting, "1")

    save(waiting, "1")
    assert count(holder) == 1
    holder.close()
    waiting.close()


def test_a_full_disk_is_unavailable_and_what_was_stored_stays(upgraded_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(upgraded_sqlite.read_bytes())
    database = Database(f"sqlite:///{path}")
    save(database, "1")

    with database.write() as session:
        session.sql.execute(sa.text("PRAGMA max_page_count=1"))  # of the one connection in the pool
    with pytest.raises(Unavailable, match="is full"):
        save(database, "2", "x" * 1_000_000)

    assert count(database) == 1
    database.close()


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all" * 100)
    database = Database(f"sqlite:///{tmp_path}/x.db")

    with pytest.raises(DamagedFile, match="is not a database"):
        count(database)
    database.close()


def test_a_folder_in_place_of_the_file_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}")

    with pytest.raises(Unavailable, match="cannot be opened"):
        count(database)


def test_a_server_that_is_not_there_is_unavailable_and_the_password_is_not_shown() -> None:
    database = Database("postgresql://user:hidden@127.0.0.1:1/name")

    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        count(database)
    assert "hidden" not in str(caught.value)
    assert "user" in str(caught.value)
