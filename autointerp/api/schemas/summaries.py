"""The scores of a run put together, as the API shows them."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import Shown, example
from autointerp.api.schemas.measures import DETECTION, EXPLAINER, Explainer, Scorer
from autointerp.api.schemas.scores import Interval
from autointerp.runs import ScorerSummary

LINE: dict[str, Any] = {
    "explainer": EXPLAINER,
    "scorer": DETECTION,
    "scored": 96,
    "undefined": {"only 3–7 firing examples; 10 are needed": 3},
    "missing": 1,
    "mean": 0.84,
    "interval": {"low": 0.81, "high": 0.87},
    "lower_quartile": 0.78,
    "median": 0.86,
    "upper_quartile": 0.93,
}


class SummaryLine(Shown):
    """The scores of one explainer's explanations by one scorer; the numbers are null where there is no score."""

    model_config = example(**LINE)

    explainer: Explainer
    scorer: Scorer
    scored: int = Field(description="features with a score that is defined")
    undefined: dict[str, int] = Field(description="scores that are undefined, by reason; left out of the numbers")
    missing: int = Field(description="features of the run without a score: still to do, failed or not explained")
    mean: float | None
    interval: Interval | None = Field(description="of the mean, resampling features; null: fewer than two scores")
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None

    @classmethod
    def of(cls, summary: ScorerSummary) -> Self:
        """Show one line."""
        found = summary.aggregate
        return cls(
            explainer=Explainer.of(summary.explainer),
            scorer=Scorer.of(summary.scorer),
            scored=found.scored,
            undefined=dict(found.undefined),
            missing=found.missing,
            mean=found.mean,
            interval=Interval.between(found.interval),
            lower_quartile=found.lower_quartile,
            median=found.median,
            upper_quartile=found.upper_quartile,
        )


class Summary(Shown):
    """The scores of a run put together, a line for each explainer and scorer."""

    model_config = example(items=[LINE])

    items: list[SummaryLine]

    @classmethod
    def of(cls, summaries: Sequence[ScorerSummary]) -> Self:
        """Show all lines."""
        return cls(items=[SummaryLine.of(one) for one in summaries])
