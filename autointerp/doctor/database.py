"""The database and the job engine's tables: there, of this version, and writable."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from autointerp.doctor.findings import Finding, failed, fine, warning
from autointerp.errors import AutointerpError
from autointerp.jobs import place
from autointerp.settings import Settings
from autointerp.storage import migrate, vitals
from autointerp.storage.engine import Database

SKEWED = 2.0  # seconds by which two clocks may differ
ALARMING = 30.0
WHERE = "look at AUTOINTERP_DATABASE_URL and at the database server"


@contextmanager
def opened(settings: Settings) -> Generator[Database | None]:
    """Open the database as it stands; None: there is none yet, or no such database can be."""
    database = None
    if not settings.database_url.startswith("sqlite") or _file(settings).is_file():
        try:
            database = Database(settings.database_url)
        except AutointerpError:
            database = None  # told by `check_database`
    try:
        yield database
    finally:
        if database is not None:
            database.close()


def check_database(settings: Settings, database: Database | None) -> Iterator[Finding]:
    """Check that it answers, is at the version of this code, and can be written."""
    if database is None:
        yield _missing(settings)
        return
    try:
        current, head = migrate.current(database), migrate.head()
        if current == head:
            vitals.check_writable(database)
    except AutointerpError as error:
        yield failed("database", error.detail, WHERE)
        return
    if current == head:
        yield fine("database", f"{database.dialect}, at version {head}, can be written")
    elif current is not None and current not in migrate.revisions():
        yield failed("database", f"it is at version {current}, which this code does not know", "update autointerp")
    else:
        found = f"it is at version {current or 'none'}, this code needs {head}"
        yield failed("database", found, "stop the workers, then autointerp db upgrade")


def check_clock(database: Database) -> Iterator[Finding]:
    """Check this machine's clock against the database's, by which workers are taken for dead; SQLite has none."""
    if database.dialect == "sqlite":
        return
    before = datetime.now(UTC)
    moment = vitals.clock(database)
    skew = abs((moment - before).total_seconds())
    found = f"this machine and the database differ by {skew:.1f} s"
    if skew > ALARMING:
        yield failed("clock", found, "set this machine's clock (NTP)")
    elif skew > SKEWED:
        yield warning("clock", found, "set this machine's clock (NTP); times in the ledger are off by as much")
    else:
        yield fine("clock", found)


def check_engine(database: Database) -> Iterator[Finding]:
    """Check that the job engine has its tables."""
    if place.has_tables(place.beside(database.url), database):
        yield fine("job engine", "its tables are there")
    else:
        yield warning("job engine", "it has no tables yet", "start the API or a worker, which make them")


def _missing(settings: Settings) -> Finding:
    if settings.database_url.startswith("sqlite"):
        return warning(
            "database", f"there is none at {_file(settings)} yet", "any command makes it: autointerp db upgrade"
        )
    return failed("database", "its address cannot be used", "write sqlite:///FILE or postgresql://USER@HOST/NAME")


def _file(settings: Settings) -> Path:
    return Path(settings.database_url.partition(":///")[2].partition("?")[0])
