"""A small database to read from: a model, an SAE, two harvests, twelve features, two runs."""

from dataclasses import dataclass

import numpy as np

from autointerp.domain.examples import Group, Kind, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import BINS
from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.packed import KINDS, NO_INDEX, HarvestedFeature, PackedExamples, PackedStatistics, Pool, Windows
from autointerp.domain.scores import GroupResult, Score, Trial
from autointerp.domain.specs import CorpusSpec, HarvestSpec, PluginSpec, RunSpec, SaeSpec, ScorerSpec, SubjectSpec
from autointerp.domain.vocabulary import Vocabulary
from autointerp.storage import (
    budgets,
    explanations,
    features,
    harvests,
    models,
    pools,
    run_features,
    runs,
    saes,
    scores,
)
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.records import HarvestState, RunState

FEATURES = 12
WIDTH = 4
VOCABULARY = Vocabulary(
    tokens=(
        b"<s>",
        b" the",
        b" cat",
        b" sat",
        " naïve".encode()[:4],
        " naïve".encode()[4:],
        b"\n",
        b"[red]",
        b"<b>",
        b".",
    ),
    special=frozenset({0}),
)
SPEC = HarvestSpec(
    subject=SubjectSpec(model="somewhere/model"),
    saes=(SaeSpec(path="/srv/sae"),),
    corpus=CorpusSpec(kind="stdlib"),
    tokens=1_000,
    context=16,
    segment=8,
    window=8,
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """The ids of what was stored."""

    model: int
    sae: int
    harvest: str
    waiting_harvest: str
    run: str
    waiting_run: str
    features: tuple[int, ...]
    explanations: tuple[int, ...]
    scores: tuple[int, ...]


def seed(database: Database) -> Seeded:
    """Store everything."""
    with database.write() as session:
        model = models.register(
            session,
            name="somewhere/model",
            revision=None,
            dtype="float32",
            width=WIDTH,
            layers=2,
            max_context=32,
            vocabulary=VOCABULARY,
        )
        sae = saes.register(
            session,
            model_id=model.id,
            fingerprint="f" * 64,
            name="sae",
            kind="topk",
            hook="model.layers.1",
            width=WIDTH,
            features=FEATURES,
            source={"path": "/srv/sae"},
        )
        harvest = harvests.create(session, SPEC)
        _harvest(session, harvest.id, model.id, sae.id)
        waiting = harvests.create(session, SPEC.model_copy(update={"tokens": 2_000}))
        feature_ids = tuple(features.get_by_index(session, harvest.id, sae.id, index).id for index in range(FEATURES))
        run, explained, scored = _run(session, harvest.id, feature_ids)
        later = runs.create(session, _spec(harvest.id, seed=1), harvest_id=harvest.id, idempotency_key=None)
    return Seeded(
        model=model.id,
        sae=sae.id,
        harvest=harvest.id,
        waiting_harvest=waiting.id,
        run=run,
        waiting_run=later.id,
        features=feature_ids,
        explanations=explained,
        scores=scored,
    )


def _harvest(session: WriteSession, harvest_id: str, model_id: int, sae_id: int) -> None:
    harvests.attach(
        session, harvest_id, model_id=model_id, sae_ids=[sae_id], corpus_fingerprint="c" * 64, tokens_total=1_000
    )
    harvests.set_state(session, harvest_id, HarvestState.RUNNING)
    harvests.add_tokens(session, harvest_id, 1_000)
    pool = Pool(windows=_windows(3, first=900, document=900), split=np.array([0, 1, 2], np.uint8))
    pools.store(session, harvest_id, pool)
    features.store(session, harvest_id=harvest_id, sae_id=sae_id, features=[_feature(i) for i in range(FEATURES)])
    harvests.finish(session, harvest_id, seconds=2.5)


def _feature(index: int) -> HarvestedFeature:
    firings = 10 * index
    histogram = [0] * BINS
    histogram[80] = firings
    statistics = PackedStatistics(
        tokens=1_000,
        firings=firings,
        sum=1.5 * firings,
        sum_of_squares=2.5 * firings,
        max=float(index),
        histogram=np.array(histogram),
        top_token=np.array([2], np.int32),
        top_count=np.array([firings]),
        top_mean=np.array([1.5]),
        promoted_token=np.array([3], np.int32),
        promoted_logit=np.array([2.0], np.float32),
        suppressed_token=np.array([1], np.int32),
        suppressed_logit=np.array([-2.0], np.float32),
        neighbour=np.array([1], np.int32),
        neighbour_cosine=np.array([0.5], np.float32),
        neighbour_coactivation=np.array([0.25], np.float32),
    )
    examples = {split: _examples(i) for i, split in enumerate(Split)}
    return HarvestedFeature(index=index, statistics=statistics, examples=examples)


def _examples(split: int) -> PackedExamples:
    """Two firing windows, one of them for two groups, and one silent one."""
    windows = _windows(2, first=10 * split, document=100 + 10 * split)
    return PackedExamples(
        windows=windows,
        peak=np.array([1, 1], np.int16),
        activations=np.array([0, 2, 0, 0, 0, 0, 1, 0.5, 0, 0], np.float16),
        member_window=np.array([0, 0, 1], np.int32),
        member_kind=np.array([KINDS.index(Kind.TOP), KINDS.index(Kind.INTERVAL), KINDS.index(Kind.QUANTILE)], np.uint8),
        member_index=np.array([NO_INDEX, 3, 0], np.int16),
        silent_pool=np.array([split], np.int32),
        silent_kind=np.array([KINDS.index(Kind.RANDOM)], np.uint8),
    )


def _windows(count: int, *, first: int, document: int) -> Windows:
    tokens = [(1, 2, 4, 5, 6), (7, 2, 8, 3, 9), (1, 3, 9, 6, 6)]
    return Windows(
        context=np.arange(first, first + count, dtype=np.int64),
        document=np.arange(document, document + count, dtype=np.int64) * (1 if document >= 900 else 1000),
        start=np.full(count, 2, np.int32),
        offsets=np.arange(count + 1, dtype=np.int64) * 5,
        tokens=np.array([token for row in tokens[:count] for token in row], np.int32),
    )


def _spec(harvest_id: str, *, seed: int) -> RunSpec:
    return RunSpec(
        harvest=harvest_id,
        explainers=(PluginSpec(name="token_statistics"),),
        scorers=(ScorerSpec(name="detection", judge=PluginSpec(name="lexical")),),
        seed=seed,
        name="seeded",
    )


def _run(
    session: WriteSession, harvest_id: str, feature_ids: tuple[int, ...]
) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """A run over four features: two scored, one unread, one failed."""
    run = runs.create(session, _spec(harvest_id, seed=0), harvest_id=harvest_id, idempotency_key="seeded")
    chosen = feature_ids[4:8]
    budgets.open_budget(session, run.id, run.spec.budget)
    run_features.add(session, run.id, chosen, chunk=10)
    runs.set_state(session, run.id, RunState.RUNNING)
    made = {
        "run_id": run.id,
        "harvest_id": harvest_id,
        "position": 0,
        "explainer": "token_statistics",
        "options": {},
        "model": None,
        "seed": 0,
        "tokens": 0,
        "cost": 0,
    }
    shown = Explanation(text="fires on [red] cats", shown=((10, 2),))
    explained = tuple(explanations.add(session, feature_id=i, explanation=shown, **made) for i in chosen[:2])
    unread = Unread(kind=UnreadKind.TRUNCATED, detail="the reply ended at the token limit", raw="The feat")
    explanations.add_unread(session, feature_id=chosen[2], unread=unread, **made)
    scored = tuple(
        scores.add(
            session,
            scores.NewScore(
                run_id=run.id,
                explanation_id=explanation,
                position=0,
                scorer="detection",
                judge="lexical",
                options={},
                judge_options={},
                model=None,
                seed=0,
                score=_score(),
                tokens=120,
                cost=None,
            ),
        )
        for explanation in explained
    )
    run_features.finish(session, run.id, chosen[:3])
    run_features.fail(session, run.id, {chosen[3]: "the server refused the request"})
    runs.settle(session, run.id)
    return run.id, explained, scored


def _score() -> Score:
    group = Group(Kind.TOP)
    answers = (
        Answer(verdict=True, confidence=0.9, kind=Confidence.OVERLAP),
        Answer(verdict=None, unread=UnreadKind.REFUSED),
    )
    return Score(
        value=0.75,
        undefined=None,
        metric="balanced_accuracy",
        interval=(0.5, 1.0),
        asked=2,
        answered=1,
        unread={"refused": 1},
        metrics={"balanced_accuracy": 0.75, "auroc": None},
        breakdown=(GroupResult(group="top", asked=2, answered=1, correct=1, mean_confidence=0.9),),
        trials=tuple(
            Trial(group=group, window=(20, 2), truth=True, answer=answer, note="as it is") for answer in answers
        ),
    )
