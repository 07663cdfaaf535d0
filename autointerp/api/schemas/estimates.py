"""An estimate of a run as the API shows it."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import NANO, Shown, example
from autointerp.runs import Quote, Side

MODEL: dict[str, Any] = {
    "model": "openai/gpt-6-luna",
    "requests": 2_100,
    "learned": False,
    "tokens": {"low": 1_400_000, "likely": 1_450_000, "high": 2_200_000},
    "dollars": {"low": 0.12, "likely": 0.14, "high": 0.41},
}


class TokenCounts(Shown):
    """TokenCounts read and written, from low to high."""

    low: int
    likely: int
    high: int


class Dollars(Shown):
    """What it costs, from low to high; null: the price of some model is not known."""

    low: float | None
    likely: float | None
    high: float | None


class ModelEstimate(Shown):
    """What a run is likely to ask of one model."""

    model_config = example(**MODEL)

    model: str = Field(description="endpoint/model")
    requests: int = Field(description="0: a plug-in may ask this model, though it did not in the rehearsal")
    learned: bool = Field(description="reckoned from what the model was asked before, not from averages")
    tokens: TokenCounts
    dollars: Dollars

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """Show a quote."""
        return cls(
            model=f"{quote.endpoint}/{quote.model}",
            requests=quote.requests,
            learned=quote.learned,
            tokens=_tokens([quote]),
            dollars=_dollars([quote]),
        )


class Estimate(Shown):
    """What a run is likely to ask and to cost, if nothing that it asks was answered before."""

    model_config = example(requests=MODEL["requests"], tokens=MODEL["tokens"], dollars=MODEL["dollars"], models=[MODEL])

    requests: int
    tokens: TokenCounts
    dollars: Dollars
    models: list[ModelEstimate]

    @classmethod
    def of(cls, quotes: Sequence[Quote]) -> Self:
        """Show the quotes of a run and their sums."""
        return cls(
            requests=sum(quote.requests for quote in quotes),
            tokens=_tokens(quotes),
            dollars=_dollars(quotes),
            models=[ModelEstimate.of(quote) for quote in quotes],
        )


def _tokens(quotes: Sequence[Quote]) -> TokenCounts:
    return TokenCounts(
        low=sum(quote.low.usage.total for quote in quotes),
        likely=sum(quote.likely.usage.total for quote in quotes),
        high=sum(quote.high.usage.total for quote in quotes),
    )


def _dollars(quotes: Sequence[Quote]) -> Dollars:
    return Dollars(
        low=_sum([quote.low for quote in quotes]),
        likely=_sum([quote.likely for quote in quotes]),
        high=_sum([quote.high for quote in quotes]),
    )


def _sum(sides: Sequence[Side]) -> float | None:
    costs = [side.cost for side in sides if side.cost is not None]
    return sum(costs) / NANO if len(costs) == len(sides) else None
