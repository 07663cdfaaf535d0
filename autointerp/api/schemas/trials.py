"""A trial of a run as the API shows it: with the score that it belongs to."""

from typing import Self

from pydantic import Field

from autointerp.api.schemas.base import example
from autointerp.api.schemas.scores import TRIAL, Trial
from autointerp.storage import run_trials


class RunTrial(Trial):
    """One question of a run, with the score that it belongs to."""

    model_config = example(
        **TRIAL,
        score_id=301,
        explanation_id=77,
        feature_id=412,
        scorer="detection",
        judge="llm",
        control="",
        position=0,
    )

    score_id: int
    explanation_id: int
    feature_id: int
    scorer: str
    judge: str | None
    control: str = Field(description="which control this is a trial of; empty: of a score proper")
    position: int = Field(description="among the trials of the score, from 0")

    @classmethod
    def of_run(cls, row: run_trials.RunTrial) -> Self:
        """Show a stored trial of a run."""
        return cls(
            **Trial.of(row.trial).model_dump(),
            score_id=row.score_id,
            explanation_id=row.explanation_id,
            feature_id=row.feature_id,
            scorer=row.scorer,
            judge=row.judge,
            control=row.control,
            position=row.position,
        )
