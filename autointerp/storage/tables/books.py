"""The books of the LLM layer: kept replies, and one ledger line an attempt."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest, Id


class ReplyTable(Base):
    """Replies by the digest of their request; `packed` holds text, raw body and log-probabilities."""

    __tablename__ = "replies"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    model: Mapped[str]
    packed: Mapped[bytes]
    created_at: Mapped[datetime]


class CallTable(Base):
    """The ledger. It refers to nothing, so that no line is ever lost with what it paid for."""

    __tablename__ = "calls"

    id: Mapped[Id]
    run_id: Mapped[str | None] = mapped_column(String(36), index=True)
    request: Mapped[Digest] = mapped_column(index=True)
    prompt: Mapped[str | None]
    endpoint: Mapped[str]
    model_asked: Mapped[str]
    model_answered: Mapped[str | None]
    status: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    input: Mapped[int]
    cache_read: Mapped[int]
    cache_write: Mapped[int]
    output: Mapped[int]
    reasoning: Mapped[int]
    cost: Mapped[int | None]
    provider_request: Mapped[str | None]
    error: Mapped[str | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    bytes: Mapped[int] = mapped_column(server_default="0")
    batch: Mapped[str | None] = mapped_column(String(36))
