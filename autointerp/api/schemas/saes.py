"""An SAE as the API shows it."""

from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import Shown, example
from autointerp.storage.records import SaeRecord


class Sae(Shown):
    """An SAE at a hook point of a subject model."""

    model_config = example(
        id=1,
        model_id=1,
        fingerprint="9f2c1d7be0a4",
        name="sae_topk",
        kind="topk",
        hook="model.layers.2",
        width=128,
        features=2048,
        source={"path": "/srv/saes/topk", "layout": "sae_lens"},
    )

    id: int
    model_id: int
    fingerprint: str = Field(description="sha256 of the weights and the configuration")
    name: str
    kind: str
    hook: str = Field(description="module path of the hook point")
    width: int
    features: int
    source: dict[str, Any] = Field(description="where it was loaded from")

    @classmethod
    def of(cls, record: SaeRecord) -> Self:
        """Show a stored SAE."""
        return cls(
            id=record.id,
            model_id=record.model_id,
            fingerprint=record.fingerprint,
            name=record.name,
            kind=record.kind,
            hook=record.hook,
            width=record.width,
            features=record.features,
            source=dict(record.source),
        )
