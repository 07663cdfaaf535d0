"""Harvests and what they leave: the pool, the text of the corpus, the features and the packed examples."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest, Id, Name


class HarvestTable(Base):
    """One pass of a model and its SAEs over a corpus."""

    __tablename__ = "harvests"

    id: Mapped[Name] = mapped_column(primary_key=True)
    spec: Mapped[dict[str, Any]]
    spec_digest: Mapped[Digest] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(32))
    error: Mapped[str | None]
    tokens_done: Mapped[int]
    tokens_total: Mapped[int | None]
    seconds: Mapped[float | None]
    corpus_fingerprint: Mapped[str | None]
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class HarvestSaeTable(Base):
    """The SAEs of a harvest, in the order of its spec; `broken` activations are not known until it is merged."""

    __tablename__ = "harvest_saes"
    __table_args__ = (UniqueConstraint("harvest_id", "sae_id"),)

    harvest_id: Mapped[Name] = mapped_column(ForeignKey("harvests.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sae_id: Mapped[int] = mapped_column(ForeignKey("saes.id"), index=True)
    broken: Mapped[int | None]
    broken_contexts: Mapped[list[Any] | None]


class PoolTable(Base):
    """A harvest's shared sample of segments, packed."""

    __tablename__ = "pools"

    harvest_id: Mapped[Name] = mapped_column(ForeignKey("harvests.id"), primary_key=True)
    segments: Mapped[int]
    packed: Mapped[bytes]


class ContextTable(Base):
    """The text of one context of a harvest's corpus, as far as examples need it, packed."""

    __tablename__ = "contexts"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    harvest_id: Mapped[Name] = mapped_column(ForeignKey("harvests.id"), primary_key=True)
    context: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    packed: Mapped[bytes]


class FeatureTable(Base):
    """One column of an SAE."""

    __tablename__ = "features"
    __table_args__ = (UniqueConstraint("sae_id", "index"),)

    id: Mapped[Id]
    sae_id: Mapped[int] = mapped_column(ForeignKey("saes.id"))
    index: Mapped[int]


class HarvestedFeatureTable(Base):
    """What one harvest measured of one feature; what lists filter and sort by has a column of its own.

    `best` is the best score proper of the feature's explanations, which `storage.scores` keeps up to date.
    """

    __tablename__ = "harvested_features"
    __table_args__ = (
        Index(None, "harvest_id", "density", "feature_id"),
        Index(None, "harvest_id", "max", "feature_id"),
        Index(None, "harvest_id", "best", "feature_id"),
        Index(None, "harvest_id", "feature_id", "firings", "density"),
    )

    harvest_id: Mapped[Name] = mapped_column(ForeignKey("harvests.id"), primary_key=True)
    feature_id: Mapped[int] = mapped_column(ForeignKey("features.id"), primary_key=True, autoincrement=False)
    firings: Mapped[int]
    density: Mapped[float]
    max: Mapped[float]
    mean: Mapped[float]
    best: Mapped[float | None]
    statistics: Mapped[bytes]


class ExampleTable(Base):
    """One feature's examples in one split of one harvest, packed.

    Explanations refer to the explain row and scores to the score row: the splits cannot be mixed up.
    """

    __tablename__ = "examples"
    __table_args__ = (
        ForeignKeyConstraint(
            ["harvest_id", "feature_id"], ["harvested_features.harvest_id", "harvested_features.feature_id"]
        ),
        CheckConstraint("split IN ('explain', 'validation', 'score')", name="split"),
    )

    harvest_id: Mapped[Name] = mapped_column(primary_key=True)
    feature_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    split: Mapped[str] = mapped_column(String(16), primary_key=True)
    packed: Mapped[bytes]
