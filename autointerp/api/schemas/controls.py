"""The scores of a run held against their controls, as the API shows them."""

from typing import Self

from pydantic import Field

from autointerp.analysis import controls
from autointerp.api.schemas.base import Shown, example
from autointerp.api.schemas.scores import Interval
from autointerp.domain.specs import Control
from autointerp.runs.controls import Controlled

LINE = {
    "explainer": "default",
    "explainer_label": "default",
    "scorer": "detection",
    "scorer_label": "detection:llm",
    "judge": "llm",
    "metric": "balanced_accuracy",
    "control": "shuffled",
    "features": 10,
    "undefined": 0,
    "score": 0.86,
    "control_score": 0.52,
    "difference": {"low": 0.25, "high": 0.41},
}


class Against(Shown):
    """The scores of one scorer on the run's sample, and those of one control."""

    model_config = example(**LINE)

    explainer: str
    explainer_label: str = Field(description="its name, with as few options as tell it apart from others of the run")
    scorer: str
    scorer_label: str = Field(description="the same of the scorer, with that of its judge")
    judge: str | None = Field(description="of the scores proper; null: the scorer asks no judge")
    metric: str
    control: Control
    features: int = Field(description="that have both; for random_direction, which are features of their own, of these")
    undefined: int = Field(description="left out, because the score or its control is undefined")
    score: float | None = Field(description="mean of the scores proper; null: there is none")
    control_score: float | None = Field(description="mean of the control")
    difference: Interval | None = Field(
        description="95 % bootstrap interval of score - control_score; null: fewer than two features"
    )

    @classmethod
    def of(cls, found: controls.Against, run: Controlled) -> Self:
        """Show what was found of one scorer and control."""
        measure = found.measure
        return cls(
            explainer=measure.explainer,
            explainer_label=run.explainers[measure.explainer_position] if run.explainers else measure.explainer,
            scorer=measure.scorer,
            scorer_label=run.scorers[measure.position],
            judge=found.judge,
            metric=found.metric,
            control=found.control,  # pyright: ignore[reportArgumentType]
            features=found.features,
            undefined=found.undefined,
            score=found.score,
            control_score=found.control_score,
            difference=None if found.interval is None else Interval(low=found.interval[0], high=found.interval[1]),
        )


class RunControls(Shown):
    """The scores of a run against their controls."""

    model_config = example(sample=10, items=[LINE])

    sample: int = Field(description="features of the run whose scores have controls")
    items: list[Against]

    @classmethod
    def of(cls, found: Controlled) -> Self:
        """Show a run's scores against their controls."""
        return cls(sample=found.sample, items=[Against.of(one, found) for one in found.against])
