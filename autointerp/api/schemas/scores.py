"""A score and its trials as the API shows them."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import WHEN, Shown, dollars, example
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Confidence
from autointerp.domain.scores import GroupResult
from autointerp.domain.scores import Trial as TrialRecord
from autointerp.storage.records import ScoreRecord

JUDGED: dict[str, Any] = {"group": "top", "asked": 6, "answered": 6, "correct": 5, "accuracy": 5 / 6}
TRIAL: dict[str, Any] = {
    "group": "top",
    "context": 18,
    "start": 64,
    "truth": True,
    "verdict": True,
    "confidence": 0.93,
    "confidence_kind": "logprob",
    "unread": None,
    "request": "aa30c9e1",
    "note": "",
}


class GroupShare(Shown):
    """How one group of examples fared."""

    group: str
    asked: int
    answered: int
    correct: int
    tied: int = Field(default=0, description="answers that preferred neither of two texts; each counts half")
    accuracy: float | None = Field(description="(correct + tied / 2) / answered; null: none was read")
    mean_confidence: float | None

    @classmethod
    def of(cls, result: GroupResult) -> Self:
        """Show a group's result."""
        return cls(
            group=result.group,
            asked=result.asked,
            answered=result.answered,
            correct=result.correct,
            tied=result.tied,
            accuracy=result.accuracy,
            mean_confidence=result.mean_confidence,
        )


class Interval(Shown):
    """A 95 % bootstrap confidence interval."""

    low: float
    high: float

    @classmethod
    def between(cls, ends: tuple[float, float] | None) -> Self | None:
        """Show an interval where there is one."""
        return None if ends is None else cls(low=ends[0], high=ends[1])


class Score(Shown):
    """How far an explanation holds, by one scorer and one judge."""

    model_config = example(
        id=301,
        explanation_id=77,
        feature_id=412,
        harvest_id="0192f3aa7c51",
        run_id="0192f3ab01d2",
        scorer="detection",
        options={},
        judge="llm",
        judge_options={},
        model="openai/gpt-6-luna",
        seed=0,
        metric="balanced_accuracy",
        value=0.86,
        undefined=None,
        interval={"low": 0.79, "high": 0.92},
        asked=140,
        answered=139,
        unread={"truncated": 1},
        metrics={"balanced_accuracy": 0.86, "auroc": 0.91},
        breakdown=[{**JUDGED, "mean_confidence": 0.8}],
        prompt="9d2e11a0",
        tokens=21_400,
        cost=0.0031,
        control="",
        borrowed_id=None,
        created_at=WHEN,
    )

    id: int
    explanation_id: int
    feature_id: int
    harvest_id: str
    run_id: str | None
    scorer: str
    options: dict[str, Any] = Field(description="of the scorer")
    judge: str | None = Field(description="what answered the questions; null: the scorer asks no judge")
    judge_options: dict[str, Any]
    model: str | None = Field(description="the language model that judged; null: none did")
    seed: int
    metric: str = Field(description="what `value` is")
    value: float | None = Field(description="null: undefined, for the reason `undefined`")
    undefined: str | None
    interval: Interval | None
    asked: int
    answered: int
    unread: dict[str, int] = Field(description="replies that could not be read, by reason")
    metrics: dict[str, float | None]
    breakdown: list[GroupShare]
    prompt: str | None = Field(description="sha256 of the prompt")
    tokens: int
    cost: float | None = Field(description="in dollars; null: the price is not known")
    control: str = Field(
        description="which control this is a score of; empty: a score proper; imported: others made it"
    )
    borrowed_id: int | None = Field(description="the explanation of another feature that took the place of this one")
    created_at: datetime

    @classmethod
    def of(cls, record: ScoreRecord) -> Self:
        """Show a stored score."""
        score = record.score
        return cls(
            id=record.id,
            explanation_id=record.explanation_id,
            feature_id=record.feature_id,
            harvest_id=record.harvest_id,
            run_id=record.run_id,
            scorer=record.scorer,
            options=dict(record.options),
            judge=record.judge,
            judge_options=dict(record.judge_options),
            model=record.model,
            seed=record.seed,
            metric=score.metric,
            value=score.value,
            undefined=score.undefined,
            interval=Interval.between(score.interval),
            asked=score.asked,
            answered=score.answered,
            unread=dict(score.unread),
            metrics=dict(score.metrics),
            breakdown=[GroupShare.of(result) for result in score.breakdown],
            prompt=score.prompt,
            tokens=record.tokens,
            cost=dollars(record.cost),
            control=record.control,
            borrowed_id=record.borrowed_id,
            created_at=record.created_at,
        )


class Trial(Shown):
    """One question put to a judge, with the truth and the answer."""

    model_config = example(**TRIAL)

    group: str
    context: int = Field(description="-1: the question is about a token of the vocabulary, whose id is `start`")
    start: int
    truth: bool
    verdict: bool | None = Field(
        description="null: the reply could not be read, for the reason `unread`, or what was asked is no yes or no"
    )
    confidence: float | None
    confidence_kind: Confidence | None
    unread: UnreadKind | None
    request: str | None = Field(description="digest of the request to the language model")
    note: str = Field(description="what the scorer did to the text")

    @classmethod
    def of(cls, trial: TrialRecord) -> Self:
        """Show a stored trial."""
        answer = trial.answer
        return cls(
            group=str(trial.group),
            context=trial.window[0],
            start=trial.window[1],
            truth=trial.truth,
            verdict=answer.verdict,
            confidence=answer.confidence,
            confidence_kind=answer.kind,
            unread=answer.unread,
            request=answer.request,
            note=trial.note,
        )
