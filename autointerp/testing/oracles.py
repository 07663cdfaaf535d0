"""Judges that know the truth and depart from it in a known way, and a made-up feature to try scorers on with them.

The feature fires on two words. An oracle stands for an explanation together with a judge that reads it rightly: one
that names both words is *perfect*, one that names the first *misses half*, and one that names a third word besides, as
frequent as the feature, is *twice too broad*; one that names what stands in every text holds of *everything*. A judge
that errs gives the other answer to a share of the questions, the same to the same question; a *coin* errs in every
second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.features import BINS, FeatureRecord, Statistics
from autointerp.domain.judging import Answer, Passage, Question
from autointerp.domain.sample import Window
from autointerp.domain.seeds import rng_for

FEATURE, EXTRA, FILLER = ("ping", "pang"), "pong", "hum"
NAMED = {
    "perfect": FEATURE,
    "misses half": FEATURE[:1],
    "twice too broad": (*FEATURE, EXTRA),
    "everything": (FILLER,),
    "coin": FEATURE,
}
LENGTH = 4  # tokens a window, of which one may be a word that is named
STRONGEST = 12.0
SCALE = 20.0  # keeps made-up similarities below 1


@dataclass(frozen=True, slots=True)
class Oracle:
    """A judge, with the explanation that it reads; `errs` is the share of questions that it answers wrongly."""

    explanation: str
    words: frozenset[str]
    errs: float
    seed: int

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Answer each question by itself."""
        return [Answer(self._holds(question) != self._slips(question)) for question in questions]

    def _holds(self, question: Question) -> bool:
        rival = 0 if question.rival is None else self._named(question.rival)
        return self._named(question.passage) > rival

    def _named(self, passage: Passage) -> int:
        shown = passage.marked_text if passage.marks else passage.pieces
        return sum(word in self.words for text in shown for word in text.split())

    def _slips(self, question: Question) -> bool:
        return self.errs > 0 and rng_for(self.seed, "slip", question).random() < self.errs


def oracle(name: str, *, errs: float = 0.0, seed: int = 0) -> Oracle:
    """The oracle of this name: perfect, misses half, twice too broad, everything or coin."""
    words = NAMED[name]
    return Oracle(f"The words {' and '.join(words)}.", frozenset(words), 0.5 if name == "coin" else errs, seed)


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """The feature, its examples of the score split, a sample of the corpus, and what embeds explanations and texts."""

    feature: FeatureRecord
    examples: tuple[Example, ...]
    sample: "DrawnSample"
    embed: "DrawnEmbed"


def case(*, density: float, windows: int, shift: float, seed: int) -> Case:
    """Draw a case: a share `density` of windows holds one of the feature's words, and as large a share the third word.

    A window that holds a word which an explanation names is `shift` standard deviations more similar to it.
    """
    rng = rng_for(seed, "case", density, windows, shift)
    kind = rng.choice(3, size=windows, p=[1 - 2 * density, density, density])
    word = np.where(kind == 1, rng.integers(len(FEATURE), size=windows), np.where(kind == 2, len(FEATURE), -1))
    sample = DrawnSample(_written(word), word, rng.standard_normal(windows), shift)
    return Case(_feature(density), tuple(_examples(density, rng)), sample, DrawnEmbed(shift, seed))


@dataclass(frozen=True, eq=False, slots=True)
class DrawnSample:
    """Windows, the number of the word that each holds (-1: none), and how similar each is to anything by chance."""

    drawn: tuple[Window, ...]
    word: NDArray[np.int64]
    noise: NDArray[np.float64]
    shift: float

    async def windows(self) -> tuple[Window, ...]:
        """The windows."""
        return self.drawn

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        """Whether a window holds one of the feature's words."""
        del feature
        return (self.word >= 0) & (self.word < len(FEATURE))

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        """Chance, and `shift` more where the text names the word that a window holds."""
        del embedder
        named = np.array([word in text for word in (*FEATURE, EXTRA)])
        return ((self.noise + self.shift * (named[self.word] & (self.word >= 0))) / SCALE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class DrawnEmbed:
    """Implements `Embed`: the product of the vectors of an explanation and of a window is what the sample says."""

    shift: float
    seed: int

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One dimension of chance and one a word; an explanation has no chance of its own."""
        return np.array([self._vector(text) for text in texts], np.float32)

    def _vector(self, text: str) -> list[float]:
        named = [float(word in text) for word in (*FEATURE, EXTRA)]
        if text.startswith("The words"):
            return [1.0, *named]
        chance = rng_for(self.seed, "similarity", text).standard_normal()
        return [chance / SCALE, *(self.shift * one / SCALE for one in named)]


@cache
def _filler(count: int) -> tuple[Window, ...]:
    return tuple(Window(i, i, 0, _pieces(f"w{i}", FILLER, i)) for i in range(count))


def _written(word: NDArray[np.int64]) -> tuple[Window, ...]:
    written = list(_filler(len(word)))
    for i in np.flatnonzero(word >= 0).tolist():
        written[i] = Window(i, i, 0, _pieces(f"w{i}", (*FEATURE, EXTRA)[word[i]], i))
    return tuple(written)


def _pieces(name: str, word: str, place: int) -> tuple[str, ...]:
    """A window that begins with a name of its own and holds the word somewhere behind it."""
    at = 1 + place % (LENGTH - 1)
    return tuple(f" {name}" if i == 0 else f" {word if i == at else FILLER}" for i in range(LENGTH))


def _examples(density: float, rng: np.random.Generator) -> list[Example]:
    """Five firing windows a decile and two an interval, the words in turn; 50 silent ones, as they come."""
    levels = [(Group(Kind.QUANTILE, k), (k + 1) / 10) for k in range(10) for _ in range(5)]
    levels += [(Group(Kind.INTERVAL, k), (k + 0.5) / 12) for k in range(12) for _ in range(2)]
    firing = [_example(10**6 + i, group, FEATURE[i % 2], level) for i, (group, level) in enumerate(levels)]
    extra = rng.random(50) < density
    return firing + [_example(2 * 10**6 + i, Group(Kind.RANDOM), EXTRA if extra[i] else FILLER, 0.0) for i in range(50)]


def _example(context: int, group: Group, word: str, level: float) -> Example:
    pieces = _pieces(f"e{context}", word, context)
    at = 1 + context % (LENGTH - 1)
    return Example(
        split=Split.SCORE,
        group=group,
        context=context,
        document=context,
        start=0,
        peak=at,
        tokens=(0,) * LENGTH,
        pieces=pieces,
        activations=tuple(STRONGEST * level if i == at else 0.0 for i in range(LENGTH)),
    )


def _feature(density: float) -> FeatureRecord:
    """One token fires in each window that holds one of the feature's words."""
    tokens = 10_000_000
    statistics = Statistics(
        tokens=tokens,
        firings=round(tokens * density / LENGTH),
        sum=0.0,
        sum_of_squares=0.0,
        max=STRONGEST,
        histogram=(0,) * BINS,
        top_tokens=(),
        promoted=(),
        suppressed=(),
    )
    return FeatureRecord("oracles", 0, statistics)
