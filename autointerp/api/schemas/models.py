"""A subject model as the API shows it."""

from datetime import datetime
from typing import Self

from autointerp.api.schemas.base import WHEN, Shown, example
from autointerp.storage.records import ModelRecord


class Model(Shown):
    """A subject model that has been harvested."""

    model_config = example(
        id=1,
        name="openai-community/gpt2",
        revision="607a30d783dfa663caf39e06633721c8d4cfcd7e",
        dtype="float32",
        width=768,
        layers=12,
        max_context=1024,
        created_at=WHEN,
    )

    id: int
    name: str
    revision: str | None
    dtype: str
    width: int
    layers: int
    max_context: int
    created_at: datetime

    @classmethod
    def of(cls, record: ModelRecord) -> Self:
        """Show a stored model."""
        return cls(
            id=record.id,
            name=record.name,
            revision=record.revision,
            dtype=record.dtype,
            width=record.width,
            layers=record.layers,
            max_context=record.max_context,
            created_at=record.created_at,
        )
