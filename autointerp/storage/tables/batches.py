"""Batches at vendors, the requests that are or will be in one, and the chunks that wait for them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest, Id, Name


class BatchTable(Base):
    """One batch, stored before it is handed in. `submitted_at` NULL: the vendor surely has no such batch yet."""

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint("state IN ('submitting', 'running', 'ingested', 'cancelled', 'failed')", name="state"),
        Index(None, "state", "next_look_at"),
    )

    id: Mapped[Name] = mapped_column(primary_key=True)
    run_id: Mapped[Name] = mapped_column(ForeignKey("runs.id"), index=True)
    endpoint: Mapped[str]
    provider: Mapped[str]
    model: Mapped[str]
    state: Mapped[str] = mapped_column(String(16))
    tag: Mapped[str] = mapped_column(String(64), unique=True)
    remote_id: Mapped[str | None]
    input_file: Mapped[str | None]
    requests: Mapped[int]
    done: Mapped[int]
    cancel: Mapped[bool]
    full: Mapped[bool]
    error: Mapped[str | None]
    next_look_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class BatchItemTable(Base):
    """One request of a run, whichever of its chunks want the answer."""

    __tablename__ = "batch_items"
    __table_args__ = (
        UniqueConstraint("run_id", "key"),
        CheckConstraint("state IN ('pending', 'sent', 'answered', 'kept', 'failed', 'online')", name="state"),
        Index(None, "run_id", "state"),
        Index(None, "batch_id", "state"),
    )

    id: Mapped[Id]
    run_id: Mapped[Name] = mapped_column(ForeignKey("runs.id"))
    key: Mapped[Digest]
    generation: Mapped[int]
    endpoint: Mapped[str]
    model: Mapped[str]
    packed: Mapped[bytes]
    state: Mapped[str] = mapped_column(String(16))
    batch_id: Mapped[Name | None] = mapped_column(ForeignKey("batches.id"))
    custom_id: Mapped[str | None] = mapped_column(String(64))
    lapses: Mapped[int]
    malformed: Mapped[int]
    error_kind: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None]
    reserved_cost: Mapped[int]
    reserved_tokens: Mapped[int]
    created_at: Mapped[datetime]


class BatchWaitTable(Base):
    """A chunk of a run that waits for a request."""

    __tablename__ = "batch_waits"

    item_id: Mapped[int] = mapped_column(ForeignKey("batch_items.id"), primary_key=True, autoincrement=False)
    chunk: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
