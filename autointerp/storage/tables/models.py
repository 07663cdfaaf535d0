"""Subject models, their vocabularies and their SAEs."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest, Id


class VocabularyTable(Base):
    """The bytes of every token, compressed."""

    __tablename__ = "vocabularies"

    fingerprint: Mapped[Digest] = mapped_column(primary_key=True)
    tokens: Mapped[bytes]


class ModelTable(Base):
    """Subject models; `identity` is the digest of all columns but the time."""

    __tablename__ = "models"

    id: Mapped[Id]
    identity: Mapped[Digest] = mapped_column(unique=True)
    name: Mapped[str]
    revision: Mapped[str | None]
    dtype: Mapped[str] = mapped_column(String(32))
    width: Mapped[int]
    layers: Mapped[int]
    max_context: Mapped[int]
    vocabulary_fingerprint: Mapped[Digest] = mapped_column(ForeignKey("vocabularies.fingerprint"))
    created_at: Mapped[datetime]


class SaeTable(Base):
    """SAEs, each once for each model."""

    __tablename__ = "saes"
    __table_args__ = (UniqueConstraint("model_id", "fingerprint"),)

    id: Mapped[Id]
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    fingerprint: Mapped[Digest]
    name: Mapped[str]
    kind: Mapped[str]
    hook: Mapped[str]
    width: Mapped[int]
    features: Mapped[int]
    source: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
