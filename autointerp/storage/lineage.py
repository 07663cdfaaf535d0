"""A run and those that it extends: their results are its own."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from autointerp.storage.engine import ReadSession
from autointerp.storage.tables.runs import RunTable


def lineage(session: ReadSession, run_id: str) -> tuple[str, ...]:
    """Return a run, the one that it extends, the one that that one extends, and so on."""
    found = [run_id]
    while (older := session.sql.scalar(sa.select(RunTable.extends).where(RunTable.id == found[-1]))) is not None:
        found.append(older)
    return tuple(found)


def owners(session: ReadSession, run_ids: Sequence[str]) -> Mapping[str, str]:
    """Return, by each run whose results these runs show, which of them shows it; a run shows its own."""
    found = {older: run_id for run_id in reversed(run_ids) for older in lineage(session, run_id)}
    return found | {run_id: run_id for run_id in run_ids}


def extended_by(session: ReadSession, run_id: str) -> str | None:
    """Return the run that extends this one; None: there is none."""
    return session.sql.scalar(sa.select(RunTable.id).where(RunTable.extends == run_id))
