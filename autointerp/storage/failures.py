"""What a database says when something is wrong around it, translated to one sentence."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from autointerp.errors import AutointerpError, DamagedFile, InvalidInput, Unavailable

TOO_LARGE = "a number is larger than the database can hold; give one below 2**63"
SENTENCES: tuple[tuple[str, type[AutointerpError], str], ...] = (
    ("out of range", InvalidInput, TOO_LARGE),
    ("nul (0x00)", InvalidInput, "a text holds a NUL character, which the database cannot hold; leave it out"),
    ("database is locked", Unavailable, "the database {url} is locked by another process; try again in a moment"),
    ("database table is locked", Unavailable, "the database {url} is locked by another process; try again in a moment"),
    ("disk is full", Unavailable, "the disk that holds the database {url} is full; free some space and try again"),
    ("no space left", Unavailable, "the disk that holds the database {url} is full; free some space and try again"),
    ("disk i/o error", Unavailable, "the disk that holds the database {url} cannot be read or written; check it"),
    ("unable to open database", Unavailable, "the database {url} cannot be opened; check the path and its permissions"),
    ("readonly database", Unavailable, "the database {url} cannot be written; check the permissions of the file"),
    ("disk image is malformed", DamagedFile, "the database {url} is damaged; restore it from a copy"),
    ("file is not a database", DamagedFile, "{url} is not a database; give another path"),
    ("no such table", Unavailable, "the database {url} lacks its tables; run `autointerp db upgrade`"),
    ("no such column", Unavailable, "the database {url} is of another version; run `autointerp db upgrade`"),
    ("undefinedtable", Unavailable, "the database {url} lacks its tables; run `autointerp db upgrade`"),
    ("undefinedcolumn", Unavailable, "the database {url} is of another version; run `autointerp db upgrade`"),
    ("password authentication failed", Unavailable, "the database {url} refused the user or the password; check them"),
    ("fatal:  database", Unavailable, "the database {url} does not exist on its server; create it first"),
    ("too many clients", Unavailable, "the server of {url} has no connection left; start fewer workers"),
)


@contextmanager
def translate(url: str) -> Generator[None]:
    """Turn failures around the database into deliberate ones; a mistake in a query stays what it is.

    Unavailable or DamagedFile for what is wrong with the database, InvalidInput for values that it cannot hold.
    """
    shown = make_url(url).render_as_string(hide_password=True)
    try:
        yield
    except DBAPIError as error:
        raise _told(error, shown) or error from error
    except OverflowError as error:
        raise InvalidInput(TOO_LARGE) from error
    except PoolTimeout as error:
        raise Unavailable(f"the database {shown} is too busy: no connection was free; try again in a moment") from error


def _told(error: DBAPIError, url: str) -> AutointerpError | None:
    message = f"{type(error.orig).__name__}: {error.orig}".lower()
    for part, kind, sentence in SENTENCES:
        if part in message:
            return kind(sentence.format(url=url))
    if error.connection_invalidated or _of_the_server(error):
        return Unavailable(f"the database {url} cannot be reached: {_first_line(error)}")
    return None


def _of_the_server(error: DBAPIError) -> bool:
    """Whether PostgreSQL broke off or was never reached (no code, or class 08, 53 or 57), not our statement."""
    if not isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return (error.orig.sqlstate or "08")[:2] in ("08", "53", "57")


def _first_line(error: DBAPIError) -> str:
    return next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
