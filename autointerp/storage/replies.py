"""Replies of language models by the digest of their request: kept for ever, never replaced."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from autointerp.domain.calls import Reply
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.packing import pack_reply, unpack_reply
from autointerp.storage.tables.base import now
from autointerp.storage.tables.books import ReplyTable


def find(session: ReadSession, key: str) -> Reply | None:
    """Return the reply kept under `key`, as it was when it came."""
    return find_all(session, [key]).get(key)


def find_all(session: ReadSession, keys: Sequence[str]) -> dict[str, Reply]:
    """Return the replies that are kept under these keys."""
    rows = session.sql.execute(sa.select(ReplyTable.key, ReplyTable.packed).where(ReplyTable.key.in_(keys)))
    return {key: unpack_reply(packed) for key, packed in rows}


def keep(session: WriteSession, key: str, reply: Reply) -> None:
    """Keep a reply unless there is one under `key`."""
    keep_all(session, {key: reply})


def keep_all(session: WriteSession, kept: Mapping[str, Reply]) -> None:
    """Keep replies by their keys, each unless there is one."""
    moment = now()
    insert_if_absent(
        session,
        ReplyTable,
        [
            {"key": key, "model": reply.model, "packed": pack_reply(reply), "created_at": moment}
            for key, reply in kept.items()
        ],
    )
