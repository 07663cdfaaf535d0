"""The database: sessions that read, sessions that write, and what goes wrong in either told in one sentence."""

import json
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from autointerp.errors import InvalidInput, Unavailable
from autointerp.storage.failures import translate
from autointerp.storage.memory import Memory

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # a crash of the process loses nothing; a power cut may lose the last commits
)

LOCK_SECONDS = 30  # how long a session waits for another's write lock; sqlite:///FILE?timeout=5 sets another time

T = TypeVar("T")


class ReadSession:
    """A view of the database at one moment; the database itself refuses a write through it."""

    def __init__(self, sql: Session, memory: Memory) -> None:
        self.sql = sql
        self._memory = memory

    def recall(self, key: Hashable, load: Callable[[], T]) -> T:
        """Load a value that never changes once stored, at most once for this database while it is in use."""
        return self._memory.recall(key, load)

    @property
    def dialect(self) -> str:
        """The name of the database's kind."""
        return self.sql.get_bind().dialect.name


class WriteSession(ReadSession):
    """A transaction that may change the database; its owner commits."""

    def recall(self, key: Hashable, load: Callable[[], T]) -> T:
        """Load such a value where no session that reads has done so; what is stored here may be rolled back."""
        return self._memory.recalled(key, load)


class Database:
    """One SQLite file or PostgreSQL database; safe to share between threads, one for each process."""

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.url = parsed.render_as_string(hide_password=False)
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if parsed.get_backend_name() == "sqlite" else "postgresql"
        )
        self._memory = Memory()
        self._engine = _sqlite(parsed) if self.dialect == "sqlite" else _postgresql(parsed)
        self._readers = self._engine.execution_options(**_READING[self.dialect])

    @contextmanager
    def read(self) -> Generator[ReadSession]:
        """Open a session that only reads."""
        with translate(self.url), Session(self._readers, expire_on_commit=False) as sql:
            yield ReadSession(sql, self._memory)

    @contextmanager
    def write(self) -> Generator[WriteSession]:
        """Open a session that writes; it commits at the end, and not at all after an exception."""
        with translate(self.url), Session(self._engine, expire_on_commit=False) as sql:
            sql.connection()  # SQLite: take the write lock now
            yield WriteSession(sql, self._memory)
            sql.commit()

    @contextmanager
    def migrating(self) -> Generator[Connection]:
        """Open a bare connection in a transaction, for migrations: SQLite rebuilds tables, so its keys rest."""
        with translate(self.url), self._engine.execution_options(autointerp_migrates=True).begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


_SHARED: dict[str, Any] = {"json_serializer": partial(json.dumps, allow_nan=False)}

_READING: dict[str, dict[str, Any]] = {
    "sqlite": {"autointerp_reads": True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


def _parse(url: str) -> URL:
    """Check a URL and name the driver; InvalidInput when it is neither SQLite nor PostgreSQL."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(
            f"{url!r} is no database URL; write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite" if parsed.database not in (None, "", ":memory:"):
            return parsed.set(drivername="sqlite")
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return parsed.set(drivername="postgresql+psycopg")
        case _:
            shown = parsed.render_as_string(hide_password=True)
            raise InvalidInput(f"{shown!r} cannot be used; write sqlite:///FILE or postgresql://USER@HOST/NAME")


def _sqlite(url: URL) -> Engine:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"the folder {folder} for the database cannot be made: {error.strerror}") from error
    waits = {} if "timeout" in url.query else {"timeout": LOCK_SECONDS}
    engine = create_engine(url, **_SHARED, pool_size=10, max_overflow=50, connect_args=waits)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    connect = {"connect_timeout": 10}
    return create_engine(url, **_SHARED, pool_size=5, max_overflow=25, pool_pre_ping=True, connect_args=connect)


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start of a writing transaction, where waiting for it cannot deadlock."""
    options = connection.get_execution_options()
    reads = options.get("autointerp_reads", False)
    connection.exec_driver_sql(f"PRAGMA foreign_keys={'OFF' if options.get('autointerp_migrates') else 'ON'}")
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reads else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
