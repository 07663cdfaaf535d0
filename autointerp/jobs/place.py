"""Where the job engine keeps its tables: a file beside the application's, or a schema of the same PostgreSQL."""

import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from dbos import DBOS

from autointerp.errors import InvalidInput
from autointerp.storage import vitals
from autointerp.storage.engine import Database
from autointerp.storage.failures import translate

APPLICATION = "autointerp"
VERSION = "jobs-v1"  # constant: with another one the engine would never take jobs queued before an edit of the code
SCHEMA = "dbos"
TABLE = "workflow_status"


@dataclass(frozen=True, slots=True)
class Place:
    """The engine's own database, as an SQLAlchemy URL; `file` is None on PostgreSQL."""

    url: str
    file: Path | None


def beside(database_url: str) -> Place:
    """Return the engine's place for the application's database URL."""
    scheme, _, rest = database_url.partition("://")
    match scheme.partition("+")[0]:
        case "sqlite":
            file = Path(rest.removeprefix("/"))
            file = file.with_name(f"{file.stem}.jobs.db")
            return Place(f"sqlite:///{file}", file)
        case "postgresql" | "postgres":
            return Place(f"postgresql+psycopg://{rest}", None)
        case _:
            raise InvalidInput(f"{scheme}:// is no database; write sqlite:///FILE or postgresql://USER@HOST/NAME")


def prepare(place: Place) -> None:
    """Make the engine's tables where they are missing; on SQLite in WAL mode, without which it is five times slower."""
    hush()
    if place.file is not None:
        place.file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(place.file, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
    with translate(place.url):
        DBOS.migrate(place.url, schema=SCHEMA)


def has_tables(place: Place, database: Database) -> bool:
    """Whether the engine's tables are there, without making them."""
    if place.file is None:
        return vitals.has_table(database, TABLE, schema=SCHEMA)
    if not place.file.is_file():
        return False
    connection = sqlite3.connect(f"{place.file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,)).fetchone())
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def hush() -> None:
    """Let the engine speak through our logging, and only of what is unusual; by default it greets on the console."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.addFilter(_unusual)
    logger.setLevel(logging.WARNING)


_ORDINARY = (
    "Exception encountered in asynchronous workflow",  # a handler raised: Engine.work has logged it
    "Asyncio task cancelled",
    "was cancelled during execution",
    "is no longer owned by this execution",
)


def _unusual(record: logging.LogRecord) -> bool:
    return not any(words in record.getMessage() for words in _ORDINARY)
