"""What an archive holds: one record for each row of the database, with names that hold in every database.

Numbers that a database gives out (ids) stand nowhere in it. A model is named by its identity, an SAE by its
fingerprint, a feature by its index, harvests and runs by their ids, which are the same everywhere; explanations and
scores by a digest of what they are.
"""

from abc import abstractmethod
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from autointerp.domain.examples import Split
from autointerp.hashing import digest


class Archived(BaseModel):
    """A row of an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ArchivedVocabulary(Archived):
    """A vocabulary; `tokens` are the bytes of each token in hex."""

    fingerprint: str
    tokens: list[str]
    special: list[int]


class ArchivedModel(Archived):
    """A subject model."""

    identity: str
    name: str
    revision: str | None
    dtype: str
    width: int
    layers: int
    max_context: int
    vocabulary: str
    created_at: datetime


class ArchivedSae(Archived):
    """An SAE of a model."""

    model: str
    fingerprint: str
    name: str
    kind: str
    hook: str
    width: int
    features: int
    source: dict[str, Any]
    created_at: datetime


class ArchivedHarvestSae(Archived):
    """An SAE of a harvest, with its broken activations."""

    fingerprint: str
    broken: int | None
    broken_contexts: list[int] | None


class ArchivedHarvest(Archived):
    """A finished harvest."""

    id: str
    model: str
    saes: list[ArchivedHarvestSae]
    spec: dict[str, Any]
    spec_digest: str
    tokens_done: int
    tokens_total: int | None
    seconds: float | None
    corpus_fingerprint: str | None
    created_at: datetime
    finished_at: datetime


class ArchivedPool(Archived):
    """The windows that a harvest's silent examples come from; window i holds tokens[offsets[i]:offsets[i + 1]]."""

    harvest: str
    context: list[int]
    document: list[int]
    start: list[int]
    offsets: list[int]
    tokens: list[int]
    split: list[Split]


class OfFeature(Archived):
    """A row about a feature as a harvest saw it."""

    harvest: str
    sae: str
    index: int


class ArchivedFeature(OfFeature):
    """The statistics of a feature; of the histogram only `filled` bins are kept, with their `counts`."""

    tokens: int
    firings: int
    sum: float
    sum_of_squares: float
    max: float
    filled: list[int]
    counts: list[int]
    top_token: list[int]
    top_count: list[int]
    top_mean: list[float]
    promoted_token: list[int]
    promoted_logit: list[float]
    suppressed_token: list[int]
    suppressed_logit: list[float]
    neighbour: list[int]
    neighbour_cosine: list[float]
    neighbour_coactivation: list[float]


class ArchivedExamples(OfFeature):
    """The examples of a feature in one split, as `domain.packed.PackedExamples` has them, groups by their names."""

    split: Split
    context: list[int]
    document: list[int]
    start: list[int]
    offsets: list[int]
    tokens: list[int]
    peak: list[int]
    activations: list[float]
    member_window: list[int]
    member_group: list[str]
    silent_pool: list[int]
    silent_group: list[str]
    fired_pool: list[int] | None


class ArchivedPrompt(Archived):
    """The text of a prompt."""

    version: str
    name: str
    text: str


class ArchivedBudget(Archived):
    """What a run might spend and has spent, in nano-dollars and tokens, and the sums that its progress tells."""

    cap_cost: int | None
    cap_tokens: int | None
    spent_cost: int
    spent_tokens: int
    requests: int = 0
    cached: int = 0
    tokens: int = 0
    read: int = 0
    read_from_cache: int = 0
    cost: int = 0
    cost_unknown: int = 0
    explanations: int = 0
    unread: int = 0
    scores: int = 0
    controls: int = 0


class ArchivedRun(Archived):
    """A run that has ended."""

    id: str
    harvest: str | None
    spec: dict[str, Any]
    spec_digest: str
    state: str
    error: str | None
    budget: ArchivedBudget | None
    created_at: datetime
    finished_at: datetime | None
    priority: int = 0
    extends: str | None = None


class ArchivedRunFeature(OfFeature):
    """One feature of a run, and how far it is."""

    run: str
    chunk: int
    state: str
    attempts: int
    reason: str | None
    role: str


class ArchivedWindow(Archived):
    """Where a window stands in the corpus."""

    context: int
    start: int


class ArchivedClaim(OfFeature):
    """What an explainer did with a feature: an explanation, or a reply that could not be read."""

    run: str | None
    position: int
    explainer: str
    options: dict[str, Any]
    request: str | None
    model: str | None
    seed: int
    tokens: int
    cost: int | None
    created_at: datetime

    @property
    def key(self) -> str:
        """The digest by which others refer to it."""
        moment = self.created_at.isoformat()
        about = [self.harvest, self.sae, self.index, self.run, self.position, self.explainer, self.model, moment]
        return digest([*about, self._said])

    @property
    @abstractmethod
    def _said(self) -> str:
        """What tells claims of the same moment apart."""


class ArchivedExplanation(ArchivedClaim):
    """An explanation."""

    text: str
    shown: list[ArchivedWindow]
    prompt: str | None

    @property
    def _said(self) -> str:
        return self.text


class ArchivedUnread(ArchivedClaim):
    """An explainer's reply that could not be read."""

    kind: str
    detail: str
    raw: str

    @property
    def _said(self) -> str:
        return self.raw


class ArchivedGroup(Archived):
    """How one group of examples fared."""

    group: str
    asked: int
    answered: int
    correct: int
    mean_confidence: float | None
    tied: int


class ArchivedTrial(Archived):
    """One question put to a judge."""

    group: str
    context: int
    start: int
    truth: bool
    note: str
    verdict: bool | None
    confidence: float | None
    confidence_kind: str | None
    unread: str | None
    request: str | None


class ArchivedReference(Archived):
    """Which explanation: of which feature, and its key."""

    sae: str
    index: int
    key: str


class ArchivedScore(OfFeature):
    """A score with its trials."""

    explanation: ArchivedReference
    run: str | None
    position: int
    scorer: str
    judge: str | None
    options: dict[str, Any]
    judge_options: dict[str, Any]
    model: str | None
    seed: int
    value: float | None
    undefined: str | None
    metric: str
    low: float | None
    high: float | None
    asked: int
    answered: int
    unread: dict[str, int]
    metrics: dict[str, float | None]
    breakdown: list[ArchivedGroup]
    prompt: str | None
    tokens: int
    cost: int | None
    control: str
    borrowed: ArchivedReference | None
    created_at: datetime
    trials: list[ArchivedTrial]

    @property
    def key(self) -> str:
        """The digest that tells it from other scores of its explanation."""
        about = [self.run, self.position, self.scorer, self.judge, self.control, self.seed, self.model, self.value]
        return digest([self.explanation.key, *about, self.created_at.isoformat()])
