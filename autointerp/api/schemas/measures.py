"""What measured and what was measured: a scorer of a run, and an explainer, as results over many features name them."""

from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import Shown, example
from autointerp.storage.run_scores import UsedExplainer, UsedScorer

EXPLAINER: dict[str, Any] = {
    "explainer": "default",
    "run_id": "0192f3ab01d2",
    "position": 0,
    "options": {},
    "models": ["openai/gpt-6-luna"],
    "prompts": ["4f8ab7c2"],
}
DETECTION: dict[str, Any] = {
    "run_id": "0192f3ab01d2",
    "position": 0,
    "label": "detection:llm",
    "scorer": "detection",
    "options": {},
    "judge": "llm",
    "judge_options": {},
    "metric": "balanced_accuracy",
    "models": ["openai/gpt-6-luna"],
    "prompts": ["9d2e11a0"],
}
FUZZING: dict[str, Any] = {
    **DETECTION,
    "position": 1,
    "label": "fuzzing:lexical",
    "scorer": "fuzzing",
    "judge": "lexical",
    "models": [],
    "prompts": [],
}


class Explainer(Shown):
    """An explainer whose explanations were scored."""

    model_config = example(**EXPLAINER)

    explainer: str
    run_id: str | None = Field(description="the run that it explained in; null: other runs, told apart by its name")
    position: int | None = Field(description="among the explainers of that run")
    options: dict[str, Any]
    models: list[str] = Field(description="all that were asked")
    prompts: list[str] = Field(description="sha256 of all that were used")

    @classmethod
    def of(cls, used: UsedExplainer) -> Self:
        """Show an explainer."""
        return cls(
            explainer=used.origin.explainer,
            run_id=used.origin.run_id,
            position=used.origin.position,
            options=dict(used.options),
            models=list(used.models),
            prompts=list(used.prompts),
        )


class Scorer(Shown):
    """A scorer of a run, with its judge."""

    model_config = example(**DETECTION)

    run_id: str
    position: int = Field(description="among the scorers of the run")
    label: str = Field(description="its name, with that of its judge and the options of both")
    scorer: str
    options: dict[str, Any]
    judge: str | None = Field(description="null: the scorer asks no judge")
    judge_options: dict[str, Any]
    metric: str = Field(description="what its scores are")
    models: list[str] = Field(description="language models that judged")
    prompts: list[str] = Field(description="sha256 of all that were used")

    @classmethod
    def of(cls, used: UsedScorer) -> Self:
        """Show a scorer."""
        return cls(
            run_id=used.run_id,
            position=used.position,
            label=used.label,
            scorer=used.scorer,
            options=dict(used.options),
            judge=used.judge,
            judge_options=dict(used.judge_options),
            metric=used.metric,
            models=list(used.models),
            prompts=list(used.prompts),
        )
