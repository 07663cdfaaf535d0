"""One import at a time: what is looked up before it is stored must not be stored by another meanwhile."""

import sqlalchemy as sa

from autointerp.hashing import stable_int
from autointerp.storage.engine import WriteSession

LOCK = stable_int("autointerp", "import")


def exclusive(session: WriteSession) -> None:
    """Wait until no other transaction imports; SQLite has only one writer anyway."""
    if session.dialect == "postgresql":
        session.sql.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
