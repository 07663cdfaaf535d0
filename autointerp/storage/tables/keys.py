"""API keys, and the journal of what was done with them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Id


class KeyTable(Base):
    """One row a key; `digest` is the SHA-256 of its secret, which is stored nowhere."""

    __tablename__ = "keys"
    __table_args__ = (CheckConstraint("scope IN ('read', 'run', 'admin')", name="scope"),)

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes]
    scope: Mapped[str] = mapped_column(String(16))
    requests_per_minute: Mapped[int | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class JournalTable(Base):
    """Who did what. It refers to nothing, so that no line is ever lost with what it tells of."""

    __tablename__ = "journal"

    id: Mapped[Id]
    at: Mapped[datetime]
    key_id: Mapped[str | None] = mapped_column(String(12), index=True)
    method: Mapped[str] = mapped_column(String(16))
    route: Mapped[str | None] = mapped_column(String(200))
    record: Mapped[str | None]
    status: Mapped[int]
