"""Prompts, explanations, and the explainers' replies that could not be read."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest, Id, Name

SHOWN = ["harvest_id", "feature_id", "split"]
EXAMPLES = ["examples.harvest_id", "examples.feature_id", "examples.split"]


class PromptTable(Base):
    """The text of every prompt that was used, by its digest."""

    __tablename__ = "prompts"

    version: Mapped[Digest] = mapped_column(primary_key=True)
    name: Mapped[str]
    text: Mapped[str]


class ExplanationTable(Base):
    """Explanations, never overwritten. `split` is always explain: what an explainer saw is no example to score on.

    `candidates`: text, request, value or the reason why there is none of each that was tried; NULL: none was chosen.
    """

    __tablename__ = "explanations"
    __table_args__ = (
        ForeignKeyConstraint(SHOWN, EXAMPLES, name="fk_explanations_examples"),
        CheckConstraint("split = 'explain'", name="split"),
        UniqueConstraint("run_id", "feature_id", "position"),
        UniqueConstraint("id", "harvest_id", "feature_id"),
        Index(None, "harvest_id", "feature_id"),
        Index(None, "feature_id"),
    )

    id: Mapped[Id]
    harvest_id: Mapped[Name]
    feature_id: Mapped[int]
    split: Mapped[str] = mapped_column(String(16))
    run_id: Mapped[Name | None] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int]
    explainer: Mapped[str]
    options: Mapped[dict[str, Any]]
    text: Mapped[str]
    shown: Mapped[list[Any]]
    prompt: Mapped[str | None]
    request: Mapped[str | None]
    candidates: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    model: Mapped[str | None]
    seed: Mapped[int]
    tokens: Mapped[int]
    cost: Mapped[int | None]
    created_at: Mapped[datetime]


class UnreadExplanationTable(Base):
    """Replies that could not be read, with the same keys as explanations."""

    __tablename__ = "unread_explanations"
    __table_args__ = (
        ForeignKeyConstraint(SHOWN, EXAMPLES, name="fk_unread_explanations_examples"),
        CheckConstraint("split = 'explain'", name="split"),
        UniqueConstraint("run_id", "feature_id", "position"),
        Index(None, "harvest_id", "feature_id"),
    )

    id: Mapped[Id]
    harvest_id: Mapped[Name]
    feature_id: Mapped[int]
    split: Mapped[str] = mapped_column(String(16))
    run_id: Mapped[Name | None] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int]
    explainer: Mapped[str]
    options: Mapped[dict[str, Any]]
    kind: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str]
    raw: Mapped[str]
    request: Mapped[str | None]
    model: Mapped[str | None]
    seed: Mapped[int]
    tokens: Mapped[int]
    cost: Mapped[int | None]
    created_at: Mapped[datetime]
