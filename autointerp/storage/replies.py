"""Replies of language models by the digest of their request: kept for ever, never replaced."""

from autointerp.domain.calls import Reply
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.packing import pack_reply, unpack_reply
from autointerp.storage.tables.base import now
from autointerp.storage.tables.books import ReplyTable


def find(session: ReadSession, key: str) -> Reply | None:
    """Return the reply kept under `key`, as it was when it came."""
    row = session.sql.get(ReplyTable, key)
    return None if row is None else unpack_reply(row.packed)


def keep(session: WriteSession, key: str, reply: Reply) -> None:
    """Keep a reply unless there is one under `key`."""
    row = {"key": key, "model": reply.model, "packed": pack_reply(reply), "created_at": now()}
    insert_if_absent(session, ReplyTable, [row])
