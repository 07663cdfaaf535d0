"""A synthetic catalogue: one SAE with any number of features, each with a hundred examples, explained and scored.

Windows, explanations and scores are drawn once, a few hundred of each, so that making them is not what is measured;
statistics differ from feature to feature. All of it is stored by the functions that a harvest and a run use.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np

from autointerp.domain.examples import Group, Kind, Split
from autointerp.domain.features import BINS
from autointerp.domain.judging import Answer
from autointerp.domain.packed import KINDS, HarvestedFeature, PackedExamples, PackedStatistics, Pool
from autointerp.domain.scores import GroupResult, Score, Trial
from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, SubjectSpec
from autointerp.domain.vocabulary import Vocabulary
from autointerp.storage import harvests, models, pools, saes
from autointerp.storage.engine import WriteSession
from benchmarks.service_corpus import VOCABULARY, WINDOW, SyntheticCorpus

DISTINCT = 300  # sets of windows, and of scores
FIRING = {Split.EXPLAIN: 50, Split.VALIDATION: 10, Split.SCORE: 40}  # windows of a feature in each split
SILENT = {Split.EXPLAIN: 25, Split.VALIDATION: 10, Split.SCORE: 60}
POOL, WORDS, TRIALS = 9_000, 30_000, 80
CORPUS = 10_000_000  # tokens that the harvest has read
DEAD = 0.1  # the share of features that never fire
SYLLABLES = ("ba", "ko", "ri", "tel", "mun", "sha", "vor", "pli", "den", "gu", "lex", "tor", "ny", "fa", "os", "qui")


class Catalogue:
    """What the rows are made of, the same for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.corpus = SyntheticCorpus(CORPUS, self.rng)

    def prepare(self) -> None:
        """Make everything that is made once."""
        _ = self.vocabulary, self.pool, self.examples, self.texts, self.scores, self.statistics

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Words of one to three syllables, most of them with a leading space."""
        return Vocabulary(tuple((" " * (i % 4 > 0) + word(i)).encode() for i in range(VOCABULARY)), frozenset({0}))

    @cached_property
    def pool(self) -> Pool:
        """A third of the segments in each split."""
        split = (np.arange(POOL) % 3).astype(np.uint8)
        return Pool(self.corpus.windows(split.astype(np.int64)), split)

    @cached_property
    def examples(self) -> list[dict[Split, PackedExamples]]:
        """The distinct sets of examples."""
        return [{split: self._examples(k, split) for k, split in enumerate(Split)} for _ in range(DISTINCT)]

    @cached_property
    def texts(self) -> list[str]:
        """Explanations of eight words, of which the first are in thousands of texts and the last in few."""
        frequency = 1 / (np.arange(WORDS) + 10.0)
        drawn = self.rng.choice(WORDS, p=frequency / frequency.sum(), size=(20_000, 8))
        return ["fires on " + " ".join(word(i + 5_000) for i in row) for row in drawn.tolist()]

    @cached_property
    def scores(self) -> list[Score]:
        """Scores with eighty trials each."""
        return [self._score(value) for value in self.rng.beta(5, 3, DISTINCT).tolist()]

    def feature(self, index: int) -> HarvestedFeature:
        """One feature: a set of examples with statistics of its own."""
        firings = 0 if self.rng.random() < DEAD else int(CORPUS * min(0.5, 10 ** self.rng.normal(-3.5, 0.7)))
        statistics = replace(self.statistics, firings=firings, max=float(self.rng.gamma(3, 4)), sum=firings * 1.7)
        return HarvestedFeature(index, statistics, self.examples[index % DISTINCT])

    @cached_property
    def statistics(self) -> PackedStatistics:
        """What all features have in common."""
        some = self.rng.integers(0, VOCABULARY, 60).astype(np.int32)
        return PackedStatistics(
            tokens=CORPUS,
            firings=0,
            sum=0.0,
            sum_of_squares=0.0,
            max=0.0,
            histogram=np.where(np.abs(np.arange(BINS) - 80) < 15, np.arange(BINS) * 37, 0),
            top_token=some[:20],
            top_count=self.rng.integers(1, 9_999, 20),
            top_mean=self.rng.random(20),
            promoted_token=some[20:40],
            promoted_logit=self.rng.random(20).astype(np.float32),
            suppressed_token=some[40:],
            suppressed_logit=-self.rng.random(20).astype(np.float32),
            neighbour=some[:20],
            neighbour_cosine=self.rng.random(20).astype(np.float32),
            neighbour_coactivation=self.rng.random(20).astype(np.float32),
        )

    def _examples(self, position: int, split: Split) -> PackedExamples:
        firing, silent = FIRING[split], SILENT[split]
        where = self.rng.random(firing * WINDOW) < 0.15
        where[WINDOW // 2 :: WINDOW] = True
        places = np.flatnonzero(self.pool.split == position)
        return PackedExamples(
            windows=self.corpus.windows(np.full(firing, position)),
            peak=np.full(firing, WINDOW // 2, dtype=np.int16),
            activations=np.where(where, self.rng.gamma(3, 2, firing * WINDOW), 0).astype(np.float16),
            member_window=np.arange(firing, dtype=np.int32),
            member_kind=np.full(firing, KINDS.index(Kind.QUANTILE), dtype=np.uint8),
            member_index=(np.arange(firing) % 10).astype(np.int16),
            silent_pool=self.rng.choice(places, silent, replace=False).astype(np.int32),
            silent_kind=np.full(silent, KINDS.index(Kind.RANDOM), dtype=np.uint8),
        )

    def _score(self, value: float) -> Score:
        said = self.rng.random(TRIALS) < value
        groups = (Group(Kind.QUANTILE, 3), Group(Kind.RANDOM, None))
        trials = tuple(
            Trial(groups[i % 2], (int(self.rng.integers(1 << 16)), 32 * (i % 8)), i % 2 == 0, Answer(bool(said[i])))
            for i in range(TRIALS)
        )
        half = TRIALS // 2
        names = ("balanced_accuracy", "accuracy", "tpr", "fpr", "precision", "f1", "auroc")
        return Score(
            value=value,
            undefined=None,
            metric="balanced_accuracy",
            interval=(value - 0.1, value + 0.1),
            asked=TRIALS,
            answered=TRIALS,
            unread={},
            metrics=dict.fromkeys(names, round(value, 4)),
            breakdown=tuple(GroupResult(str(group), half, half, int(half * value), None) for group in groups),
            trials=trials,
        )


def word(number: int) -> str:
    """A word that has not been seen before; longer for larger numbers."""
    base = len(SYLLABLES)
    text = SYLLABLES[number % base]
    while number := number // base:
        text += SYLLABLES[number % base]
    return text


def lay_ground(session: WriteSession, catalogue: Catalogue, count: int) -> tuple[str, int]:
    """Store the model, an SAE of so many features, the harvest and its pool; return the ids of harvest and SAE."""
    model = models.register(
        session,
        name="synthetic",
        revision=None,
        dtype="float32",
        width=512,
        layers=4,
        max_context=256,
        vocabulary=catalogue.vocabulary,
    )
    sae = saes.register(
        session,
        model_id=model.id,
        fingerprint="a" * 64,
        name="synthetic",
        kind="topk",
        hook="layers.2",
        width=512,
        features=count,
        source={"path": "synthetic"},
    )
    spec = HarvestSpec(
        subject=SubjectSpec(model="synthetic"),
        saes=(SaeSpec(path="synthetic"),),
        corpus=CorpusSpec(kind="stdlib"),
        tokens=CORPUS,
    )
    harvest = harvests.create(session, spec)
    harvests.attach(
        session, harvest.id, model_id=model.id, sae_ids=(sae.id,), corpus_fingerprint="c" * 64, tokens_total=CORPUS
    )
    pools.store(session, harvest.id, catalogue.pool)
    harvests.finish(session, harvest.id, seconds=1.0)
    return harvest.id, sae.id
