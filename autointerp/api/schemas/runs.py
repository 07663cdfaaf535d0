"""A run as the API shows it: what was asked, how far it is, and what could not be done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from autointerp.api.schemas.base import NANO, WHEN, Shown, example
from autointerp.domain.specs import HIGHEST, MOST, RunSpec
from autointerp.runs import UNKNOWN, Speed
from autointerp.storage.batch_records import BatchProgress, BatchRecord, BatchState, ItemState
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
    "extends": None,
    "priority": 0,
    "spec": SPEC_EXAMPLE,
    "spec_digest": "1c77e3b5",
    "created_at": WHEN,
    "finished_at": None,
}
WARNING = (
    "openai/gpt-6-luna was never probed, so nobody knows whether orders that stand in corpus text sway it; "
    "`autointerp endpoints probe openai/gpt-6-luna` finds out"
)

PROGRESS_EXAMPLE: dict[str, Any] = {
    "waiting": 60,
    "done": 39,
    "failed": 1,
    "explanations": 39,
    "unread": 1,
    "scores": 78,
    "controls": 30,
    "stages": [{"name": "explain", "done": 39, "wanted": 100}, {"name": "score", "done": 78, "wanted": 200}],
    "features_per_second": 0.8,
    "requests_per_second": 24.5,
    "seconds_left": 75.0,
    "requests": 1_210,
    "cached": 0,
    "tokens": 910_000,
    "prompt_cache": 0.42,
    "cost": 0.31,
    "cost_unknown": 0,
    "batch": None,
    "failures": [{"feature_id": 412, "index": 411, "reason": "the reply was truncated"}],
}
NAMED = 3  # batches by name


class Run(Shown):
    """One request to explain and score a set of features under one frozen spec."""

    model_config = example(**LINE)

    id: str
    name: str | None
    state: RunState
    error: str | None = Field(description="why it failed as a whole")
    harvest_id: str | None = Field(description="null until the harvest that the spec asks for is known")
    extends: str | None = Field(description="the run whose results it took over")
    priority: int = Field(description="as it is now; runs with a higher one are worked on first")
    spec: RunSpec
    spec_digest: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, record: RunRecord) -> Self:
        """Show a stored run."""
        return cls(**_line(record))


class WarnedRun(Run):
    """A run with what its user should know of the models that it asks."""

    model_config = example(**LINE, warnings=[WARNING])

    warnings: list[str] = Field(
        description="of models that write about corpus text and that no probe has found steady, by the newest probes"
    )

    @classmethod
    def warned(cls, record: RunRecord, warnings: Sequence[str]) -> Self:
        """Show a stored run with what is told of its models."""
        return cls(**_line(record), warnings=list(warnings))


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


class OpenBatch(Shown):
    """A batch that is not finished."""

    model_config = example(
        id="0192f3ac55e0",
        endpoint="openai",
        model="gpt-6-luna",
        state="running",
        remote_id="batch_68f1",
        requests=1_200,
        done=700,
        error=None,
        created_at=WHEN,
        next_look_at=WHEN,
    )

    id: str
    endpoint: str
    model: str
    state: BatchState = Field(description="submitting: handed in, or about to be; running: the vendor has it")
    remote_id: str | None = Field(description="the vendor's name for it")
    requests: int
    done: int = Field(description="as the vendor last told; Anthropic counts nothing before all is done")
    error: str | None = Field(description="what went wrong at the last look, which is repeated")
    created_at: datetime
    next_look_at: datetime

    @classmethod
    def of(cls, record: BatchRecord) -> Self:
        """Show a stored batch."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


class Batching(Shown):
    """Where the requests of a run in batch mode stand."""

    model_config = example(
        pending=0, at_provider=1_200, answered=3_400, kept=10, failed=2, online=1, ended=3, batches=[], ending=None
    )

    pending: int = Field(description="requests that wait for a batch")
    at_provider: int = Field(description="requests in a batch, without an answer yet")
    answered: int = Field(description="requests that a batch answered")
    kept: int = Field(description="requests whose reply was in the cache when a batch was made")
    failed: int = Field(description="requests that no batch can answer")
    online: int = Field(description="requests that batches left unanswered, and that were sent one by one")
    ended: int = Field(description="batches that are finished")
    batches: list[OpenBatch] = Field(description="those that are not, oldest first")
    ending: str | None = Field(
        description="where the run was cancelled: what must happen until its batches are ended; null: nothing"
    )

    @classmethod
    def of(cls, progress: BatchProgress) -> Self:
        """Show how far a run's batches are."""
        names = {state: str(state) for state in ItemState} | {ItemState.SENT: "at_provider"}
        counts = {name: progress.items.get(state, 0) for state, name in names.items()}
        batches = [OpenBatch.of(record) for record in progress.open]
        return cls(**counts, ended=progress.ended, batches=batches, ending=_ending(progress.open))


class Stage(Shown):
    """How far one stage of a run is, in results."""

    model_config = example(name="explain", done=39, wanted=100)

    name: Literal["explain", "score"]
    done: int = Field(description="explanations, or scores proper")
    wanted: int | None = Field(description="of all features; null: not known, as others made the explanations")


class Progress(Shown):
    """How far a run is, and how fast: over the last half minute or so that this server has looked at it."""

    model_config = example(**PROGRESS_EXAMPLE)

    waiting: int = Field(description="features still to do")
    done: int
    failed: int
    explanations: int
    unread: int = Field(description="replies of explainers that could not be read")
    scores: int = Field(description="scores proper")
    controls: int = Field(description="scores of controls; /v1/runs/{id}/controls holds the scores proper against them")
    stages: list[Stage] = Field(description="explain and score, as far as the run has them")
    features_per_second: float | None = Field(description="done or failed; null: not known yet, or nothing is going on")
    requests_per_second: float | None
    seconds_left: float | None = Field(description="at this pace")
    requests: int = Field(description="attempts that reached a language model")
    cached: int = Field(description="requests answered from the cache, at no cost")
    tokens: int
    prompt_cache: float | None = Field(
        description="share of the tokens read that came from the vendors' prompt caches; null: nothing was read"
    )
    cost: float = Field(description="in dollars, of the requests whose price is known")
    cost_unknown: int = Field(description="requests whose price is not known")
    batch: Batching | None = Field(description="of a run in batch mode")
    failures: list[FailedFeature] = Field(description="the first ones; /v1/runs/{id}/failures lists all")

    @classmethod
    def of(cls, progress: RunProgress, spec: RunSpec, speed: Speed) -> Self:
        """Show a run's progress."""
        return cls(
            stages=_stages(progress, spec),
            features_per_second=speed.features,
            requests_per_second=speed.requests,
            seconds_left=speed.left,
            waiting=progress.waiting,
            done=progress.done,
            failed=progress.failed,
            explanations=progress.explanations,
            unread=progress.unread,
            scores=progress.scores,
            controls=progress.controls,
            requests=progress.requests,
            cached=progress.cached,
            tokens=progress.tokens,
            prompt_cache=progress.read_from_cache / progress.read if progress.read else None,
            cost=progress.cost / NANO,
            cost_unknown=progress.cost_unknown,
            batch=Batching.of(progress.batch) if progress.batch is not None else None,
            failures=[FailedFeature.of(failure) for failure in progress.failures],
        )


class RunPage(WarnedRun):
    """A run with its progress."""

    model_config = example(
        **LINE,
        warnings=[WARNING],
        progress=PROGRESS_EXAMPLE,
    )

    progress: Progress

    @classmethod
    def with_progress(
        cls, record: RunRecord, progress: RunProgress, warnings: Sequence[str], speed: Speed = UNKNOWN
    ) -> Self:
        """Show a stored run with its progress and what is told of its models."""
        shown = Progress.of(progress, record.spec, speed)
        return cls(**_line(record), warnings=list(warnings), progress=shown)


class RunEvent(Shown):
    """What is told of a run that is followed: its state and its progress."""

    model_config = example(id="0192f3ab01d2", state="running", error=None, progress=PROGRESS_EXAMPLE)

    id: str
    state: RunState
    error: str | None
    progress: Progress


class Change(BaseModel):
    """What can be changed of a run that has not ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: int = Field(ge=-HIGHEST, le=HIGHEST)


class Retry(BaseModel):
    """Which failed features to try again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: list[Annotated[int, Field(ge=1, le=MOST)]] | None = Field(
        default=None, min_length=1, max_length=100_000, description="by id; all that have failed if not given"
    )


def _stages(progress: RunProgress, spec: RunSpec) -> list[Stage]:
    features = progress.waiting + progress.done + progress.failed
    explained, scored = len(spec.explainers), len(spec.scorers)
    found: list[Stage] = []
    if explained:
        found.append(Stage(name="explain", done=progress.explanations, wanted=features * explained))
    if scored:
        wanted = features * explained * scored if explained else None
        found.append(Stage(name="score", done=progress.scores, wanted=wanted))
    return found


def _ending(batches: Sequence[BatchRecord]) -> str | None:
    left = [batch for batch in batches if batch.cancel]
    if not left:
        return None
    names = ", ".join(batch.remote_id or "about to be handed in" for batch in left[:NAMED])
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    requests = sum(batch.requests for batch in left)
    which = "its batch is" if len(left) == 1 else f"its {len(left)} batches are"
    return (
        f"{which} still to be ended at the provider ({names}{more}; {requests:,} requests): a running worker "
        "does so at its first look, and at a second one, a minute or more later, keeps what was answered (and billed) "
        "by then; without one (`autointerp worker`) nothing is ended; "
        f"`autointerp runs show {left[0].run_id}` tells what is left"
    )


def _line(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.spec.name,
        "state": record.state,
        "error": record.error,
        "harvest_id": record.harvest_id,
        "extends": record.spec.extends,
        "priority": record.priority,
        "spec": record.spec,
        "spec_digest": record.spec_digest,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }
