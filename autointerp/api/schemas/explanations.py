"""An explanation as the API shows it."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import WHEN, Shown, dollars, example
from autointerp.domain.explanations import UnreadKind
from autointerp.storage.records import ExplanationRecord, UnreadRecord


class ShownWindow(Shown):
    """A window that the explainer saw."""

    context: int
    start: int


class Explanation(Shown):
    """A claim of when a feature fires or what it does, with what made it."""

    model_config = example(
        id=77,
        feature_id=412,
        harvest_id="0192f3aa7c51",
        run_id="0192f3ab01d2",
        text="the keyword import at the start of a line",
        explainer="default",
        options={},
        model="openai/gpt-6-luna",
        seed=0,
        prompt="4c1f0b77",
        request="aa30c9e1",
        shown=[{"context": 18, "start": 64}],
        tokens=1_850,
        cost=0.00042,
        created_at=WHEN,
    )

    id: int
    feature_id: int
    harvest_id: str
    run_id: str | None = Field(description="null: added by hand, or imported")
    text: str
    explainer: str
    options: dict[str, Any]
    model: str | None = Field(description="the language model that was asked; null: none was")
    seed: int
    prompt: str | None = Field(description="sha256 of the prompt")
    request: str | None = Field(description="digest of the request to the language model")
    shown: list[ShownWindow] = Field(description="the windows that the explainer saw")
    tokens: int
    cost: float | None = Field(description="in dollars; null: the price is not known")
    created_at: datetime

    @classmethod
    def of(cls, record: ExplanationRecord) -> Self:
        """Show a stored explanation."""
        return cls(
            id=record.id,
            feature_id=record.feature_id,
            harvest_id=record.harvest_id,
            run_id=record.run_id,
            text=record.explanation.text,
            explainer=record.explainer,
            options=dict(record.options),
            model=record.model,
            seed=record.seed,
            prompt=record.explanation.prompt,
            request=record.explanation.request,
            shown=[ShownWindow(context=context, start=start) for context, start in record.explanation.shown],
            tokens=record.tokens,
            cost=dollars(record.cost),
            created_at=record.created_at,
        )


class UnreadReply(Shown):
    """A reply of an explainer's language model that could not be read; it is kept and never scored."""

    model_config = example(
        id=5,
        feature_id=412,
        harvest_id="0192f3aa7c51",
        run_id="0192f3ab01d2",
        explainer="default",
        kind="truncated",
        detail="the reply ended at the token limit",
        raw="The feature fires on",
        request="aa30c9e1",
        created_at=WHEN,
    )

    id: int
    feature_id: int
    harvest_id: str
    run_id: str | None
    explainer: str
    kind: UnreadKind
    detail: str
    raw: str = Field(description="what the model answered")
    request: str | None = Field(description="digest of the request to the language model")
    created_at: datetime

    @classmethod
    def of(cls, record: UnreadRecord) -> Self:
        """Show a stored reply that could not be read."""
        return cls(
            id=record.id,
            feature_id=record.feature_id,
            harvest_id=record.harvest_id,
            run_id=record.run_id,
            explainer=record.explainer,
            kind=record.unread.kind,
            detail=record.unread.detail,
            raw=record.unread.raw,
            request=record.unread.request,
            created_at=record.created_at,
        )
