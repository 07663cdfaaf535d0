"""The text of every prompt that was used."""

from autointerp.errors import NotFound
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.records import PromptRecord
from autointerp.storage.tables.explanations import PromptTable


def save(session: WriteSession, *, version: str, name: str, text: str) -> None:
    """Store a prompt's text under its version, once."""
    insert_if_absent(session, PromptTable, [{"version": version, "name": name, "text": text}])


def get(session: ReadSession, version: str) -> PromptRecord:
    """Return the prompt with this version; NotFound when there is none."""
    row = session.sql.get(PromptTable, version)
    if row is None:
        raise NotFound(f"there is no prompt with version {version}")
    return PromptRecord(version=row.version, name=row.name, text=row.text)
