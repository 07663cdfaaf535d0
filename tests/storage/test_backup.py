"""A copy is of one moment, whoever writes meanwhile, and comes back whole or not at all."""

import sqlite3
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
import sqlalchemy as sa

from autointerp.errors import Conflict, DamagedFile, InvalidInput, NotFound
from autointerp.storage import backup, migrate
from autointerp.storage.engine import Database
from autointerp.storage.tables.rates import RateTable

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def writing(database: Database) -> Generator[threading.Event]:
    """Adds two rows of the same number in each transaction, until the test is over; set once it has begun."""
    begun, over = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            with database.write() as session:
                for half in ("a", "b"):
                    session.sql.execute(sa.insert(RateTable).values(bucket=f"{half}{number}", due=float(number)))
            number += 1
            begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait(30)
    yield begun
    over.set()
    thread.join()


def rates(file: Path) -> dict[str, float]:
    with sqlite3.connect(file) as connection:
        found = dict(connection.execute("SELECT bucket, due FROM rates"))
    connection.close()
    return found


def add(database: Database, bucket: str) -> None:
    with database.write() as session:
        session.sql.execute(sa.insert(RateTable).values(bucket=bucket, due=1.0))


@pytest.mark.usefixtures("writing")
def test_a_copy_made_while_a_worker_writes_holds_whole_transactions(database: Database, tmp_path: Path) -> None:
    copies = [tmp_path / "copies" / f"{number}.db" for number in range(3)]
    for copy in copies:
        backup.back_up(database.url, copy)

    found = [rates(copy) for copy in copies]
    assert all({"a" + name[1:] for name in one} | {"b" + name[1:] for name in one} == set(one) for one in found)
    assert 2 <= len(found[0]) <= len(found[2])
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == ["0.db", "1.db", "2.db"]


def test_what_came_after_the_copy_is_gone_when_it_is_back(database: Database, tmp_path: Path) -> None:
    add(database, "before")
    backup.back_up(database.url, tmp_path / "copy.db")
    add(database, "after")

    backup.restore(database.url, tmp_path / "copy.db", replace=True)

    with database.read() as session:
        assert list(session.sql.scalars(sa.select(RateTable.bucket))) == ["before"]
    assert migrate.is_current(database)
    add(database, "again")


def test_it_comes_back_where_there_was_nothing(database: Database, tmp_path: Path) -> None:
    add(database, "before")
    backup.back_up(database.url, tmp_path / "copy.db")

    backup.restore(f"sqlite:///{tmp_path}/elsewhere/new.db", tmp_path / "copy.db", replace=False)

    assert rates(tmp_path / "elsewhere" / "new.db") == {"before": 1.0}


def test_nothing_is_overwritten_unasked(database: Database, tmp_path: Path) -> None:
    backup.back_up(database.url, tmp_path / "copy.db")

    with pytest.raises(Conflict, match="there already"):
        backup.back_up(database.url, tmp_path / "copy.db")
    with pytest.raises(Conflict, match="--replace"):
        backup.restore(database.url, tmp_path / "copy.db", replace=False)


def test_a_damaged_copy_is_refused_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    add(database, "before")
    copy = tmp_path / "copy.db"
    backup.back_up(database.url, copy)
    data = bytearray(copy.read_bytes())
    data[8192:20_480] = b"\xff" * (20_480 - 8192)
    copy.write_bytes(data)

    with pytest.raises(DamagedFile, match="another copy"):
        backup.restore(database.url, copy, replace=True)

    with database.read() as session:
        assert list(session.sql.scalars(sa.select(RateTable.bucket))) == ["before"]


def test_what_is_no_copy_is_refused(database: Database, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()

    with pytest.raises(InvalidInput, match="no copy"):
        backup.restore(database.url, tmp_path / "empty.db", replace=True)
    with pytest.raises(NotFound):
        backup.restore(database.url, tmp_path / "none.db", replace=True)
    with pytest.raises(InvalidInput, match="pg_dump"):
        backup.back_up("postgresql://host/name", tmp_path / "copy.db")
