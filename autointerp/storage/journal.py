"""The journal: who did what through the API, and who was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.tables.base import now
from autointerp.storage.tables.keys import JournalTable

LONGEST_RECORD = 300


@dataclass(frozen=True, slots=True)
class Deed:
    """One request. `route` is the template of its path and `record` what it named or made; None: neither is known.

    `key_id` is None where no key was shown that is known here.
    """

    key_id: str | None
    method: str
    route: str | None
    record: str | None
    status: int


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A deed as it stands in the journal."""

    id: int
    at: datetime
    deed: Deed


def write(session: WriteSession, deed: Deed) -> None:
    """Add a line."""
    record = None if deed.record is None else deed.record[:LONGEST_RECORD]
    row = {"key_id": deed.key_id, "method": deed.method[:16], "route": deed.route, "record": record}
    session.sql.execute(sa.insert(JournalTable).values(at=now(), status=deed.status, **row))


def list_lines(session: ReadSession, *, key_id: str | None, after: int | None, limit: int) -> Sequence[JournalLine]:
    """Return lines, oldest first, of one key or of all."""
    statement = sa.select(JournalTable).order_by(JournalTable.id).limit(limit)
    if key_id is not None:
        statement = statement.where(JournalTable.key_id == key_id)
    if after is not None:
        statement = statement.where(JournalTable.id > after)
    return [_line(row) for row in session.sql.scalars(statement)]


def _line(row: JournalTable) -> JournalLine:
    deed = Deed(key_id=row.key_id, method=row.method, route=row.route, record=row.record, status=row.status)
    return JournalLine(id=row.id, at=row.at, deed=deed)
