"""Migrations: bring a database to the version of this code, and back."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from autointerp.errors import Unavailable
from autointerp.hashing import stable_int
from autointerp.storage.engine import Database
from autointerp.storage.tables import Base
from autointerp.storage.tables.search import declared

PACKAGE = Path(__file__).parents[1]
FOLDERS = (PACKAGE / "_bundled" / "migrations", PACKAGE.parent / "migrations")


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database up to `revision`; safe when several processes start at once."""
    with _locked(database) as connection:
        _refuse_unknown(MigrationContext.configure(connection).get_current_revision())
        command.upgrade(configuration(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the database back to `revision` ("base": no tables); what the tables held is lost."""
    with _locked(database) as connection:
        command.downgrade(configuration(connection), revision)


def current(database: Database) -> str | None:
    """The revision the database is at; None: it has no tables."""
    with database.read() as session:
        return MigrationContext.configure(session.sql.connection()).get_current_revision()


def head() -> str:
    """The revision this code needs."""
    found = ScriptDirectory.from_config(configuration(None)).get_current_head()
    if found is None:
        raise Unavailable("the migrations folder is empty; install autointerp again")
    return found


def is_current(database: Database) -> bool:
    """Whether the database is at the revision this code needs."""
    return current(database) == head()


def revisions() -> tuple[str, ...]:
    """Every revision, oldest first."""
    script = ScriptDirectory.from_config(configuration(None))
    return tuple(step.revision for step in script.walk_revisions())[::-1]


def differences(database: Database) -> list[str]:
    """Say where an upgraded database differs from the tables the code declares; empty when it does not."""
    with database.read() as session:
        context = MigrationContext.configure(
            session.sql.connection(), opts={"compare_type": True, "include_object": declared}
        )
        return [str(difference) for difference in compare_metadata(context, Base.metadata)]


def check() -> list[str]:
    """Say where the migrations differ from the tables the code declares, on a new SQLite database."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/check.db")
        upgrade(database)
        found = differences(database)
        database.close()
    return found


def configuration(connection: Connection | None) -> Config:
    """What Alembic needs to run the migrations on `connection`; it reads no file."""
    config = Config()
    folder = next((folder for folder in FOLDERS if (folder / "env.py").is_file()), None)
    if folder is None:
        raise Unavailable("the migrations are missing from this installation; install autointerp again")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _refuse_unknown(revision: str | None) -> None:
    if revision is not None and revision not in revisions():
        raise Unavailable(f"the database is at revision {revision}, unknown to this version; update autointerp")


@contextmanager
def _locked(database: Database) -> Generator[Connection]:
    """Let one process migrate at a time; on SQLite its write transaction sees to that."""
    with database.migrating() as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(stable_int("lock", "migrations"))))
        yield connection
