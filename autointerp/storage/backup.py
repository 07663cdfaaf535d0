"""Copies of a SQLite database, made and put back while others use it; PostgreSQL has tools of its own."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from autointerp.errors import Conflict, DamagedFile, InvalidInput, NotFound, Unavailable

WAIT = 30  # seconds for the lock of another process
PAGES = 4_096  # at a time, when a copy is put back
OF_POSTGRES = "this is a PostgreSQL database; use {tool}, as docs/operations.md says"


def back_up(url: str, file: Path) -> None:
    """Copy a SQLite database as it is at one moment to a new file, which is there whole or not at all.

    Whoever writes meanwhile is not held up. Conflict when the file is there already.
    """
    source = _file(url, tool="pg_dump")
    if file.exists():
        raise Conflict(f"{file} is there already; name a new file")
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with _told(part), _reading(source) as here, closing(sqlite3.connect(part)) as there:
            here.backup(there)  # in one go: in steps it would begin anew with each commit of a worker
            there.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            _check(there, part)
        _write_through(part)
        part.rename(file)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def restore(url: str, file: Path, *, replace: bool) -> None:
    """Put a copy in the place of what a SQLite database holds; Conflict when that is anything, unless to `replace` it.

    Whoever has the database open sees the old content or the new.
    """
    target = _file(url, tool="pg_restore")
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    with _told(file), _reading(file) as copy:
        _check(copy, file)
        if not _tables(copy):
            raise InvalidInput(f"{file} is no copy of a database of autointerp")
        target.parent.mkdir(parents=True, exist_ok=True)
        with _told(target), closing(sqlite3.connect(target, timeout=WAIT)) as live:
            if _tables(live) and not replace:
                raise Conflict(f"{target} is not empty; pass --replace to lose what it holds")
            copy.backup(live, pages=PAGES)
            live.execute("PRAGMA journal_mode=WAL")


def _file(url: str, *, tool: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InvalidInput(OF_POSTGRES.format(tool=tool))
    return Path(parsed.database)


@contextmanager
def _reading(file: Path) -> Generator[sqlite3.Connection]:
    if not file.is_file():
        raise NotFound(f"there is no database at {file}")
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT)) as connection:
        yield connection


def _tables(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    return found is not None


def _check(connection: sqlite3.Connection, file: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DamagedFile(f"{file} is damaged ({found}); take another copy")


@contextmanager
def _told(file: Path) -> Generator[None]:
    """Say in one sentence what SQLite says of a file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Unavailable(f"{file} is locked by another process; stop it, or try again in a moment") from error
        if "not a database" in str(error) or "malformed" in str(error):
            raise DamagedFile(f"{file} is no whole database ({error}); take another copy") from error
        raise Unavailable(f"{file} cannot be read or written ({error}); look at the disk") from error


def _write_through(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
