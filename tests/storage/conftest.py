"""A database with a model, an SAE of ten features and a harvest that is still empty, and what to fill it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from autointerp.domain.examples import Kind, Split
from autointerp.domain.explanations import Explanation
from autointerp.domain.features import BINS
from autointerp.domain.packed import KINDS, NO_INDEX, HarvestedFeature, PackedExamples, PackedStatistics, Pool, Windows
from autointerp.domain.scores import Score, Trial
from autointerp.domain.specs import CorpusSpec, HarvestSpec, PluginSpec, RunSpec, SaeSpec, SubjectSpec
from autointerp.domain.vocabulary import Vocabulary
from autointerp.storage import explanations, features, harvests, models, pools, runs, saes, scores
from autointerp.storage.engine import Database

VOCABULARY = Vocabulary((b"the", b" cat", b" sat", "é".encode()[:1], "é".encode()[1:]), frozenset({0}))
SPEC = HarvestSpec(
    subject=SubjectSpec(model="planted"), saes=(SaeSpec(path="sae"),), corpus=CorpusSpec(kind="stdlib"), tokens=1000
)
RUN = RunSpec(harvest="x", explainers=(PluginSpec(name="token_statistics"),))
DOCUMENTS: Mapping[Split, int] = {Split.EXPLAIN: 100, Split.VALIDATION: 200, Split.SCORE: 300}


def windows(documents: Sequence[int], *, length: int = 3) -> Windows:
    """One window of `length` tokens for each of these documents."""
    count = len(documents)
    return Windows(
        context=np.arange(count, dtype=np.int64) + 7,
        document=np.array(documents, dtype=np.int64),
        start=np.arange(count, dtype=np.int32) * length,
        offsets=np.arange(count + 1, dtype=np.int64) * length,
        tokens=(np.arange(count * length) % len(VOCABULARY.tokens)).astype(np.int32),
    )


def packed(documents: Sequence[int], silent: Sequence[int] = ()) -> PackedExamples:
    """A top example from each of these documents, and silent ones from these positions of the pool."""
    shown = windows(documents)
    return PackedExamples(
        windows=shown,
        peak=np.ones(len(documents), dtype=np.int16),
        activations=np.linspace(0, 2, len(shown.tokens)).astype(np.float16),
        member_window=np.arange(len(documents), dtype=np.int32),
        member_kind=np.full(len(documents), KINDS.index(Kind.TOP), dtype=np.uint8),
        member_index=np.full(len(documents), NO_INDEX, dtype=np.int16),
        silent_pool=np.array(silent, dtype=np.int32),
        silent_kind=np.full(len(silent), KINDS.index(Kind.RANDOM), dtype=np.uint8),
    )


def statistics(*, firings: int, largest: float) -> PackedStatistics:
    """Statistics over 1000 tokens."""
    return PackedStatistics(
        tokens=1000,
        firings=firings,
        sum=firings * 0.1,
        sum_of_squares=firings * 0.01,
        max=largest,
        histogram=np.where(np.arange(BINS) == 80, firings, 0),
        top_token=np.array([1], np.int32),
        top_count=np.array([firings]),
        top_mean=np.array([0.1]),
        promoted_token=np.array([2], np.int32),
        promoted_logit=np.array([1.5], np.float32),
        suppressed_token=np.array([0], np.int32),
        suppressed_logit=np.array([-1.5], np.float32),
        neighbour=np.array([3], np.int32),
        neighbour_cosine=np.array([0.5], np.float32),
        neighbour_coactivation=np.array([0.25], np.float32),
    )


def pool() -> Pool:
    """Three silent segments, one of each split."""
    return Pool(windows(tuple(DOCUMENTS.values())), np.arange(3, dtype=np.uint8))


def feature(index: int, *, firings: int = 50, largest: float = 1.0) -> HarvestedFeature:
    """A feature with two top examples and a silent one in each split."""
    examples = {
        split: packed([first, first + 1], silent=[position])
        for position, (split, first) in enumerate(DOCUMENTS.items())
    }
    return HarvestedFeature(index, statistics(firings=firings, largest=largest), examples)


@dataclass(frozen=True, slots=True)
class World:
    """A database and the ids of what is in it."""

    database: Database
    model: int
    sae: int
    harvest: str

    def store(self, *harvested: HarvestedFeature) -> tuple[int, ...]:
        """Store features and return their ids."""
        with self.database.write() as session:
            features.store(session, harvest_id=self.harvest, sae_id=self.sae, features=harvested)
        with self.database.read() as session:
            return tuple(features.get_by_index(session, self.harvest, self.sae, f.index).id for f in harvested)

    def run(self) -> str:
        """Make a run."""
        with self.database.write() as session:
            return runs.create(session, RUN, harvest_id=self.harvest, idempotency_key=None).id

    def explain(
        self,
        feature_id: int,
        *,
        run_id: str | None = None,
        text: str = "cats",
        explainer: str = "x",
        control: bool = False,
    ) -> int:
        """Store an explanation and return its id."""
        with self.database.write() as session:
            return explanations.add(
                session,
                run_id=run_id,
                harvest_id=self.harvest,
                feature_id=feature_id,
                position=0,
                explainer=explainer,
                options={},
                explanation=Explanation(text, shown=((7, 0), (8, 3)), prompt="p", request="r"),
                model="endpoint/model",
                seed=1,
                tokens=10,
                cost=None,
                control=control,
            )

    def score(self, explanation_id: int, *, value: float | None = 0.5, trials: tuple[Trial, ...] = ()) -> int:
        """Store a score and return its id."""
        with self.database.write() as session:
            return scores.add(
                session,
                scores.NewScore(
                    run_id=None,
                    explanation_id=explanation_id,
                    position=0,
                    scorer="detection",
                    judge="lexical",
                    options={"passages": 5},
                    judge_options={},
                    model=None,
                    seed=1,
                    score=Score(
                        value=value,
                        undefined="too few" if value is None else None,
                        metric="balanced_accuracy",
                        interval=None,
                        asked=len(trials),
                        answered=0,
                        unread={"truncated": 1},
                        metrics={"auroc": None, "tpr": 0.25},
                        breakdown=(),
                        trials=trials,
                    ),
                    tokens=0,
                    cost=0,
                ),
            )


@pytest.fixture
def world(database: Database) -> World:
    """A harvest with a pool and no features yet."""
    with database.write() as session:
        model = models.register(
            session,
            name="planted",
            revision=None,
            dtype="float32",
            width=4,
            layers=1,
            max_context=64,
            vocabulary=VOCABULARY,
        )
        sae = saes.register(
            session,
            model_id=model.id,
            fingerprint="f" * 64,
            name="planted sae",
            kind="topk",
            hook="model.layers.0",
            width=4,
            features=10,
            source={"path": "sae"},
        )
        harvest = harvests.create(session, SPEC)
        harvests.attach(
            session, harvest.id, model_id=model.id, sae_ids=[sae.id], corpus_fingerprint="c", tokens_total=1000
        )
        pools.store(session, harvest.id, pool())
    return World(database, model.id, sae.id, harvest.id)
