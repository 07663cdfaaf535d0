"""Agreement among scorers as the API shows it."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field

from autointerp.analysis.agreement import Correlation
from autointerp.api.schemas.base import Shown, example
from autointerp.api.schemas.measures import DETECTION, EXPLAINER, FUZZING, Explainer, Scorer
from autointerp.api.schemas.scores import Interval
from autointerp.runs import AgreementTable

PAIR: dict[str, Any] = {
    "first": 0,
    "second": 1,
    "value": 0.61,
    "interval": {"low": 0.47, "high": 0.72},
    "count": 94,
    "undefined": None,
}
TABLE: dict[str, Any] = {
    "explainer": EXPLAINER,
    "explanations": 96,
    "scorers": [DETECTION, FUZZING],
    "pairs": [PAIR],
}


class ScorerPair(Shown):
    """Spearman's rank correlation of two scorers over the explanations that both scored."""

    model_config = example(**PAIR)

    first: int = Field(description="place in the table's list of scorers, from 0")
    second: int
    value: float | None = Field(description="null: undefined, for the reason `undefined`")
    interval: Interval | None = Field(description="resampling explanations")
    count: int = Field(description="explanations that both scored")
    undefined: str | None

    @classmethod
    def of(cls, places: tuple[int, int], found: Correlation) -> Self:
        """Show one correlation."""
        return cls(
            first=places[0],
            second=places[1],
            value=found.value,
            interval=Interval.between(found.interval),
            count=found.count,
            undefined=found.undefined,
        )


class ExplainerAgreement(Shown):
    """How far scorers agree on the explanations of one explainer."""

    model_config = example(**TABLE)

    explainer: Explainer
    explanations: int = Field(description="with a score, defined or not")
    scorers: list[Scorer]
    pairs: list[ScorerPair] = Field(description="every pair of scorers once")

    @classmethod
    def of(cls, table: AgreementTable) -> Self:
        """Show one table."""
        return cls(
            explainer=Explainer.of(table.explainer),
            explanations=table.explanations,
            scorers=[Scorer.of(one) for one in table.scorers],
            pairs=[ScorerPair.of(places, found) for places, found in table.pairs.items()],
        )


class Agreement(Shown):
    """How far scorers agree, explainer by explainer."""

    model_config = example(items=[TABLE])

    items: list[ExplainerAgreement]

    @classmethod
    def of(cls, tables: Sequence[AgreementTable]) -> Self:
        """Show the tables of all explainers."""
        return cls(items=[ExplainerAgreement.of(table) for table in tables])
