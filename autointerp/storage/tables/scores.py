"""Scores, with the trials they were computed from."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Id, Name
from autointerp.storage.tables.explanations import EXAMPLES, SHOWN


class ScoreTable(Base):
    """Scores, never overwritten (but see `storage.scores`).

    `split` is always score, in the harvest and on the feature of the explanation. `control` is empty for scores
    proper; `imported` ones were made elsewhere, and their split promises nothing.
    """

    __tablename__ = "scores"
    __table_args__ = (
        ForeignKeyConstraint(SHOWN, EXAMPLES, name="fk_scores_examples"),
        ForeignKeyConstraint(
            ["explanation_id", "harvest_id", "feature_id"],
            ["explanations.id", "explanations.harvest_id", "explanations.feature_id"],
            name="fk_scores_explanations",
        ),
        CheckConstraint("split = 'score'", name="split"),
        UniqueConstraint("run_id", "explanation_id", "position", "control"),
        Index(None, "explanation_id"),
        Index(None, "harvest_id", "feature_id"),
        Index(None, "feature_id"),
    )

    id: Mapped[Id]
    explanation_id: Mapped[int]
    harvest_id: Mapped[Name]
    feature_id: Mapped[int]
    split: Mapped[str] = mapped_column(String(16))
    run_id: Mapped[Name | None] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int]
    scorer: Mapped[str]
    judge: Mapped[str | None]
    options: Mapped[dict[str, Any]]
    judge_options: Mapped[dict[str, Any]]
    model: Mapped[str | None]
    seed: Mapped[int]
    value: Mapped[float | None]
    undefined: Mapped[str | None]
    metric: Mapped[str]
    low: Mapped[float | None]
    high: Mapped[float | None]
    asked: Mapped[int]
    answered: Mapped[int]
    unread: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    breakdown: Mapped[list[Any]]
    prompt: Mapped[str | None]
    trials: Mapped[bytes]
    tokens: Mapped[int]
    cost: Mapped[int | None]
    control: Mapped[str] = mapped_column(String(32))
    borrowed_id: Mapped[int | None] = mapped_column(ForeignKey("explanations.id"))
    created_at: Mapped[datetime]
