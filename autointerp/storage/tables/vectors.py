"""Explanations as vectors, for searching by meaning."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Id


class VectorTable(Base):
    """One vector an explanation, by the embedding model that its harvest names: a scale and a byte a number."""

    __tablename__ = "explanation_vectors"
    __table_args__ = (Index(None, "embedder", "id"),)

    id: Mapped[Id]
    explanation_id: Mapped[int] = mapped_column(ForeignKey("explanations.id"), unique=True)
    embedder: Mapped[str] = mapped_column(String(300))
    packed: Mapped[bytes]
