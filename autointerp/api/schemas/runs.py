"""A run as the API shows it: what was asked, how far it is, and what could not be done."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import NANO, WHEN, Shown, example
from autointerp.domain.specs import RunSpec
from autointerp.storage.records import Failure, RunProgress, RunRecord, RunState

SPEC_EXAMPLE: dict[str, Any] = {
    "harvest": "0192f3aa7c51",
    "features": {"sae": 0, "sample": 100},
    "explainers": ["default"],
    "scorers": [{"name": "detection", "judge": "llm"}, {"name": "fuzzing", "judge": "lexical"}],
    "llm": "openai/gpt-6-luna",
    "budget": {"dollars": 2.5},
}
LINE: dict[str, Any] = {
    "id": "0192f3ab01d2",
    "name": None,
    "state": "running",
    "error": None,
    "harvest_id": "0192f3aa7c51",
    "spec": SPEC_EXAMPLE,
    "spec_digest": "1c77e3b5",
    "created_at": WHEN,
    "finished_at": None,
}


class Run(Shown):
    """One request to explain and score a set of features under one frozen spec."""

    model_config = example(**LINE)

    id: str
    name: str | None
    state: RunState
    error: str | None = Field(description="why it failed as a whole")
    harvest_id: str | None = Field(description="null until the harvest that the spec asks for is known")
    spec: RunSpec
    spec_digest: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, record: RunRecord) -> Self:
        """Show a stored run."""
        return cls(**_line(record))


class FailedFeature(Shown):
    """A feature that could not be done, and why."""

    model_config = example(feature_id=412, index=411, reason="the reply was truncated")

    feature_id: int
    index: int
    reason: str

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """Show a stored failure."""
        return cls(feature_id=failure.feature_id, index=failure.index, reason=failure.reason)


class Progress(Shown):
    """How far a run is."""

    waiting: int = Field(description="features still to do")
    done: int
    failed: int
    explanations: int
    unread: int = Field(description="replies of explainers that could not be read")
    scores: int
    requests: int = Field(description="attempts that reached a language model")
    cached: int = Field(description="requests answered from the cache, at no cost")
    tokens: int
    cost: float = Field(description="in dollars, of the requests whose price is known")
    cost_unknown: int = Field(description="requests whose price is not known")
    failures: list[FailedFeature] = Field(description="the first ones; /v1/runs/{id}/failures lists all")

    @classmethod
    def of(cls, progress: RunProgress) -> Self:
        """Show a run's progress."""
        return cls(
            waiting=progress.waiting,
            done=progress.done,
            failed=progress.failed,
            explanations=progress.explanations,
            unread=progress.unread,
            scores=progress.scores,
            requests=progress.requests,
            cached=progress.cached,
            tokens=progress.tokens,
            cost=progress.cost / NANO,
            cost_unknown=progress.cost_unknown,
            failures=[FailedFeature.of(failure) for failure in progress.failures],
        )


class RunPage(Run):
    """A run with its progress."""

    model_config = example(
        **LINE,
        progress={
            "waiting": 60,
            "done": 39,
            "failed": 1,
            "explanations": 39,
            "unread": 1,
            "scores": 78,
            "requests": 1_210,
            "cached": 0,
            "tokens": 910_000,
            "cost": 0.31,
            "cost_unknown": 0,
            "failures": [{"feature_id": 412, "index": 411, "reason": "the reply was truncated"}],
        },
    )

    progress: Progress

    @classmethod
    def with_progress(cls, record: RunRecord, progress: RunProgress) -> Self:
        """Show a stored run with its progress."""
        return cls(**_line(record), progress=Progress.of(progress))


def _line(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.spec.name,
        "state": record.state,
        "error": record.error,
        "harvest_id": record.harvest_id,
        "spec": record.spec,
        "spec_digest": record.spec_digest,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }
