"""What the queries return: frozen records, one for each noun of the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from autointerp.domain.explanations import Explanation, Unread
from autointerp.domain.features import FeatureRecord
from autointerp.domain.scores import Score
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.storage.batch_records import BatchProgress


class HarvestState(StrEnum):
    """Where a harvest stands; the last three are ends."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens unless the harvest is resumed."""
        return self not in (HarvestState.WAITING, HarvestState.RUNNING)


class RunState(StrEnum):
    """Where a run stands; all but the first four are ends."""

    WAITING = "waiting"
    HARVESTING = "harvesting"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    COMPLETE_WITH_FAILURES = "complete_with_failures"
    OUT_OF_BUDGET = "out_of_budget"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the run is over; it may yet be resumed."""
        return self not in (RunState.WAITING, RunState.HARVESTING, RunState.RUNNING, RunState.PAUSED)


class WorkState(StrEnum):
    """Where one feature of a run stands."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Role(StrEnum):
    """What a feature is in a run: one of its own, one of those whose scores have controls, or itself a control."""

    OWN = "own"
    SAMPLE = "sample"
    RANDOM_DIRECTION = "random_direction"


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A subject model as it was loaded."""

    id: int
    name: str
    revision: str | None
    dtype: str
    width: int
    layers: int
    max_context: int
    vocabulary_fingerprint: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SaeRecord:
    """An SAE of a subject model; `source` says where its weights came from."""

    id: int
    model_id: int
    fingerprint: str
    name: str
    kind: str
    hook: str
    width: int
    features: int
    source: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """How many activations of one SAE were NaN or infinite, and the first contexts that hold some."""

    sae_id: int
    name: str
    hook: str
    count: int
    contexts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HarvestRecord:
    """One harvest. `model_id`, `corpus_fingerprint` and `tokens_total` are None until the parts are loaded.

    `sae_ids` are in the order of the spec, empty until then; `seconds` is None until the harvest has finished.
    `broken` has the SAEs with activations that were left out; it is None until the shards are merged.
    """

    id: str
    spec: HarvestSpec
    spec_digest: str
    state: HarvestState
    error: str | None
    tokens_done: int
    tokens_total: int | None
    seconds: float | None
    corpus_fingerprint: str | None
    model_id: int | None
    sae_ids: tuple[int, ...]
    broken: tuple[BrokenRecord, ...] | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature as one harvest saw it; `id` is the same in every harvest of its SAE."""

    id: int
    harvest_id: str
    sae_id: int
    record: FeatureRecord


class FeatureOrder(StrEnum):
    """The order of a list of features: by index from 0, or from the largest value."""

    INDEX = "index"
    DENSITY = "density"
    MAX = "max"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class FeatureFilter:
    """Which features of a harvest to list; None: any. An explanation has all words of `text`, as in a search."""

    harvest_id: str
    sae_id: int | None = None
    start: int | None = None
    stop: int | None = None
    min_density: float | None = None
    max_density: float | None = None
    min_firings: int | None = None
    explained: bool | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ExplanationRecord:
    """An explanation and what made it. `cost` is in nano-dollars; None: not known."""

    id: int
    feature_id: int
    harvest_id: str
    run_id: str | None
    position: int
    explainer: str
    options: Mapping[str, Any]
    explanation: Explanation
    model: str | None
    seed: int
    tokens: int
    cost: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UnreadRecord:
    """An explainer's reply that could not be read, with the same keys as an explanation."""

    id: int
    feature_id: int
    harvest_id: str
    run_id: str | None
    position: int
    explainer: str
    options: Mapping[str, Any]
    unread: Unread
    model: str | None
    seed: int
    tokens: int
    cost: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """A score of one explanation; its trials are left out unless asked for (`scores.trials`).

    `control` and `borrowed_id`: as in `scores.NewScore`.
    """

    id: int
    explanation_id: int
    feature_id: int
    harvest_id: str
    run_id: str | None
    position: int
    scorer: str
    judge: str | None
    options: Mapping[str, Any]
    judge_options: Mapping[str, Any]
    model: str | None
    seed: int
    score: Score
    tokens: int
    cost: int | None
    control: str
    borrowed_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run; `harvest_id` is None while its harvest has not been made. `priority` may differ from the spec's."""

    id: str
    spec: RunSpec
    spec_digest: str
    harvest_id: str | None
    priority: int
    state: RunState
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunFeature:
    """One feature of a run: its unit of work (`chunk`), its state and how often it was tried."""

    feature_id: int
    index: int
    chunk: int
    state: WorkState
    attempts: int
    reason: str | None
    role: Role


@dataclass(frozen=True, slots=True)
class Failure:
    """A feature that a run could not finish, and why."""

    feature_id: int
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is, by its features and the sums over its results and its ledger.

    `scores` are the scores proper and `controls` those of controls; the other counts leave out the features that are
    themselves controls.
    `requests` are attempts that reached a provider and `cached` those answered from the cache; `cost` is the sum of
    the known costs in nano-dollars and `cost_unknown` the number of attempts whose cost is not known. Of the tokens
    `read` the vendors' prompt caches held `read_from_cache`. `failures` are
    the first ones (`run_features.list_failures` pages through all). `batch` is None for a run that asks online.
    """

    waiting: int
    done: int
    failed: int
    explanations: int
    unread: int
    scores: int
    controls: int
    requests: int
    cached: int
    tokens: int
    read: int
    read_from_cache: int
    cost: int
    cost_unknown: int
    failures: tuple[Failure, ...]
    batch: BatchProgress | None = None


@dataclass(frozen=True, slots=True)
class BudgetRecord:
    """What a run may spend, has spent and has set aside (nano-dollars and tokens); cap None: no limit."""

    run_id: str
    cap_cost: int | None
    cap_tokens: int | None
    spent_cost: int
    spent_tokens: int
    reserved_cost: int
    reserved_tokens: int


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker process and its last sign of life."""

    id: str
    kind: str
    queues: tuple[str, ...]
    started_at: datetime
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """A prompt's text by its version (sha256)."""

    version: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Habit:
    """A number that differs from call to call: its mean, and between what most calls lie."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class Habits:
    """What the ledger tells of a model: bytes for each token that it read, and tokens of a reply by prompt."""

    bytes_per_token: Habit
    outputs: Mapping[str | None, Habit]
