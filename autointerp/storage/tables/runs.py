"""Runs, the features they work on, and what they may spend."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest, Name


class RunTable(Base):
    """One request to explain and score a set of features. `extends` names the run whose results it takes over."""

    __tablename__ = "runs"

    id: Mapped[Name] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    spec: Mapped[dict[str, Any]]
    spec_digest: Mapped[Digest] = mapped_column(index=True)
    harvest_id: Mapped[Name | None] = mapped_column(ForeignKey("harvests.id"), index=True)
    extends: Mapped[Name | None] = mapped_column(ForeignKey("runs.id"), unique=True)
    priority: Mapped[int]
    state: Mapped[str] = mapped_column(String(32), index=True)
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class RunFeatureTable(Base):
    """One feature of a run and how far it is."""

    __tablename__ = "run_features"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state"),
        CheckConstraint("role IN ('own', 'sample', 'random_direction')", name="role"),
        Index(None, "run_id", "state", "chunk", "role"),
    )

    run_id: Mapped[Name] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    feature_id: Mapped[int] = mapped_column(ForeignKey("features.id"), primary_key=True, autoincrement=False)
    chunk: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    reason: Mapped[str | None]
    role: Mapped[str] = mapped_column(String(16))


class BudgetTable(Base):
    """A run's budget in nano-dollars and tokens (cap NULL: no limit), and the sums over its ledger and its results.

    Sums stand in the same row, so that whoever writes about a run locks one row of it and no two wait for each other.
    """

    __tablename__ = "budgets"

    run_id: Mapped[Name] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    cap_cost: Mapped[int | None]
    cap_tokens: Mapped[int | None]
    spent_cost: Mapped[int]
    spent_tokens: Mapped[int]
    reserved_cost: Mapped[int]
    reserved_tokens: Mapped[int]
    requests: Mapped[int] = mapped_column(server_default="0")
    cached: Mapped[int] = mapped_column(server_default="0")
    tokens: Mapped[int] = mapped_column(server_default="0")
    read: Mapped[int] = mapped_column(server_default="0")
    read_from_cache: Mapped[int] = mapped_column(server_default="0")
    cost: Mapped[int] = mapped_column(server_default="0")
    cost_unknown: Mapped[int] = mapped_column(server_default="0")
    explanations: Mapped[int] = mapped_column(server_default="0")
    unread: Mapped[int] = mapped_column(server_default="0")
    scores: Mapped[int] = mapped_column(server_default="0")
    controls: Mapped[int] = mapped_column(server_default="0")


class HoldTable(Base):
    """What a worker has set aside for one attempt, for as long as that lasts; its run's budget counts it as reserved.

    It refers to nothing and has no index but its key: a row is written and deleted with every request.
    """

    __tablename__ = "holds"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    run_id: Mapped[Name]
    worker: Mapped[str] = mapped_column(String(200))
    cost: Mapped[int]
    tokens: Mapped[int]
