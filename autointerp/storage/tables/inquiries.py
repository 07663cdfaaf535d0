"""Inquiries and their answers, which are kept for a while."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest, Name


class InquiryTable(Base):
    """One question to a model; `result` is NULL until it is done."""

    __tablename__ = "inquiries"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'refused', 'failed')", name="state"),
        Index(None, "kind", "state"),
    )

    id: Mapped[Name] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    spec: Mapped[dict[str, Any]]
    spec_digest: Mapped[Digest] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
