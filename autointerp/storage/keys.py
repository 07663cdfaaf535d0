"""API keys: made, found, revoked."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from autointerp.domain.keys import Key, Scope, Token
from autointerp.errors import NotFound
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.tables.base import now
from autointerp.storage.tables.keys import KeyTable

NOBODY = bytes(32)  # compared with where there is no such key, so that the answer takes as long


def create(
    session: WriteSession,
    token: Token,
    *,
    name: str,
    scope: Scope,
    requests_per_minute: int | None,
    expires_at: datetime | None,
) -> Key:
    """Store a new key; of its secret only the digest."""
    row = KeyTable(
        id=token.id,
        name=name,
        digest=token.digest,
        scope=scope,
        requests_per_minute=requests_per_minute,
        created_at=now(),
        expires_at=expires_at,
    )
    session.sql.add(row)
    session.sql.flush()
    return _key(row)


def find(session: ReadSession, token: Token) -> Key | None:
    """Return the key that the token opens, valid or not; None when there is none or the secret is another."""
    row = session.sql.get(KeyTable, token.id)
    fits = token.fits(NOBODY if row is None else row.digest)
    return _key(row) if row is not None and fits else None


def get(session: ReadSession, key_id: str) -> Key:
    """Return a key by its id; NotFound when there is none."""
    row = session.sql.get(KeyTable, key_id)
    if row is None:
        raise NotFound(f"there is no key {key_id!r}; list them with GET /v1/keys or `autointerp keys list`")
    return _key(row)


def list_keys(session: ReadSession, *, after: str | None, limit: int) -> Sequence[Key]:
    """Return keys by id, also those that open nothing any more."""
    statement = sa.select(KeyTable).order_by(KeyTable.id).limit(limit)
    if after is not None:
        statement = statement.where(KeyTable.id > after)
    return [_key(row) for row in session.sql.scalars(statement)]


def any_valid(session: ReadSession) -> bool:
    """Whether there is a key that opens anything."""
    unexpired = sa.or_(KeyTable.expires_at.is_(None), KeyTable.expires_at > now())
    valid = sa.select(KeyTable.id).where(KeyTable.revoked_at.is_(None), unexpired)
    return session.sql.execute(valid.limit(1)).first() is not None


def revoke(session: WriteSession, key_id: str) -> Key:
    """Let a key open nothing from now on; one that is revoked already keeps its moment."""
    row = session.sql.get(KeyTable, key_id)
    if row is None:
        raise NotFound(f"there is no key {key_id!r}; list them with GET /v1/keys or `autointerp keys list`")
    row.revoked_at = row.revoked_at or now()
    session.sql.flush()
    return _key(row)


def touch(session: WriteSession, key_id: str, moment: datetime) -> None:
    """Keep when a key was last used."""
    session.sql.execute(sa.update(KeyTable).where(KeyTable.id == key_id).values(last_used_at=moment))


def _key(row: KeyTable) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        scope=Scope(row.scope),
        requests_per_minute=row.requests_per_minute,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
