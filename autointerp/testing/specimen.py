"""A feature made of words, whose meaning is known: for trying out explainers, judges and scorers without a model.

It fires on the names of colours and makes them likelier, and every activation decile has a colour of its own. Around
them stand words drawn at random, animals among them, so that an explanation about animals holds for as many firing
windows as silent ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.features import BINS, FeatureRecord, Statistics, TokenLogit
from autointerp.domain.likelihood import Cloze, Continuation, LabelLogProbs, Likelihood
from autointerp.domain.seeds import rng_for
from autointerp.domain.steering import Change, Mode, Steered
from autointerp.hashing import stable_int

COLOURS = ("red", "green", "blue", "yellow", "purple")
ANIMALS = ("horse", "goat", "heron", "beetle", "otter")
_BACKGROUND = (
    "the a house on near winter bread paper quietly walked under seven letters town over morning found bridge and old "
    "door carried stone again late river market window salt between chair slowly lamp"
)
OTHERS = tuple(_BACKGROUND.split())
WORDS = COLOURS + ANIMALS + OTHERS
LENGTH = 24
STRONGEST = 8.0
DIMENSIONS = 2048  # so many that the directions of unlike words are nearly orthogonal


@dataclass(frozen=True, slots=True)
class Specimen:
    """The feature, its examples in each split, what it means, and an explanation that is wrong."""

    feature: FeatureRecord
    explain: tuple[Example, ...]
    validation: tuple[Example, ...]
    score: tuple[Example, ...]
    meaning: str
    wrong: str


def specimen(*, per_quantile: int, random: int, same_token: int, seed: int) -> Specimen:
    """Make the feature with ten quantile groups; the same arguments give the same windows."""
    windows = {
        split: (
            *(_window(split, Group(Kind.QUANTILE, k), n, seed) for k in range(10) for n in range(per_quantile)),
            *(_window(split, Group(Kind.RANDOM), n, seed) for n in range(random)),
            *(_window(split, Group(Kind.SAME_TOKEN), n, seed) for n in range(same_token)),
        )
        for split in Split
    }
    return Specimen(
        feature=FeatureRecord("specimen", 7, _statistics()),
        explain=windows[Split.EXPLAIN],
        validation=windows[Split.VALIDATION],
        score=windows[Split.SCORE],
        meaning=f"Names of colours: {_listed(COLOURS)}.",
        wrong=f"Names of animals: {_listed(ANIMALS)}.",
    )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _window(split: Split, group: Group, n: int, seed: int) -> Example:
    """One window of random words; a firing one holds a colour or two, a `same_token` one a colour that is no colour."""
    rng = rng_for(seed, "specimen", split, group, n)
    words = rng.choice(ANIMALS + OTHERS, size=LENGTH).tolist()
    activations = [0.0] * LENGTH
    peak = int(rng.integers(LENGTH))
    if group.kind is Kind.QUANTILE:
        level = STRONGEST * ((group.index or 0) + 1) / 10
        for place, share in ((peak, 1.0), (int(rng.integers(LENGTH)), 0.6)):
            words[place] = str(rng.choice(COLOURS))
            activations[place] = max(activations[place], level * share)
    if group.kind is Kind.SAME_TOKEN:
        words[peak : peak + 2] = [str(rng.choice(COLOURS)), "team"][: LENGTH - peak]
    context = stable_int(split, group, n)
    return Example(
        split=split,
        group=group,
        context=context,
        document=context,
        start=0,
        peak=peak,
        tokens=tuple(WORDS.index(word) if word in WORDS else len(WORDS) for word in words),
        pieces=tuple(f" {word}" for word in words),
        activations=tuple(activations),
    )


def _statistics() -> Statistics:
    return Statistics(
        tokens=100_000,
        firings=1_000,
        sum=4_000.0,
        sum_of_squares=20_000.0,
        max=STRONGEST,
        histogram=(0,) * BINS,
        top_tokens=(),
        promoted=_logits(COLOURS, 2.0),
        suppressed=_logits(OTHERS[:5], -1.0),
    )


def _logits(words: Sequence[str], logit: float) -> tuple[TokenLogit, ...]:
    return tuple(TokenLogit(WORDS.index(word), f" {word}", logit) for word in words)


class ColourSteer:
    """Stands in for a subject model: adding the feature makes it write colours, the more the stronger.

    `strength` 0 makes it a feature without any effect. It implements the Protocol `Steer`.
    """

    def __init__(self, *, strength: float = 0.02) -> None:
        self._strength = strength

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        """A divergence that grows with the square of the strength."""
        moved = change.strength if change.mode is not Mode.ABLATE else STRONGEST
        return [self._strength * moved**2] * len(prompts)

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        """Random words, every third of them a colour where the feature is active."""
        del temperature
        active = self._strength > 0 and (change.mode is not Mode.ABLATE if change else False)
        return [self._write(seed, i, tokens, active=active) for i in range(len(prompts))]

    def _write(self, seed: int, i: int, tokens: int, *, active: bool) -> Steered:
        rng = rng_for(seed, "write", i)
        words = rng.choice(ANIMALS + OTHERS, size=tokens).tolist()
        colours = rng.choice(COLOURS, size=tokens).tolist()
        pieces = [f" {colours[j] if active and j % 3 == 0 else words[j]}" for j in range(tokens)]
        return Steered(tuple(pieces), kl=0.0)


class WordEmbed:
    """Stands in for an embedding model: a text is the sum of its words. It implements the Protocol `Embed`."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of shape (len(texts), DIMENSIONS), one random direction a word."""
        rows = [np.sum([_direction(word) for word in _words(text)] or [_direction("")], axis=0) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


class WordLogProb:
    """Stands in for a causal language model that finds each word of the prefix ten times as likely as any other.

    In a blank it finds one label ten times as likely as any other: the last one, where the word before the blank stands
    earlier in the text's first part too, else the first. It implements the Protocols `LogProb` and `ClozeLogProb`.
    """

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        """How likely each text is after its prefix, word by word."""
        del prompt
        return [_likelihood(set(_words(one.prefix)), _words(one.text)) for one in asked]

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        """How likely each label is in each blank."""
        return [_labelled(one, len(labels)) for one in asked]


def _likelihood(known: set[str], words: Sequence[str]) -> Likelihood:
    return Likelihood(math.fsum(math.log(0.01 if word in known else 0.001) for word in words), len(words))


def _labelled(cloze: Cloze, labels: int) -> LabelLogProbs:
    known = set(_words(cloze.parts[0])[:-1])
    likeliest = [labels - 1 if known.intersection(_words(part)[-1:]) else 0 for part in cloze.parts[:-1]]
    return tuple(tuple(math.log(0.1 if n == one else 0.01) for n in range(labels)) for one in likeliest)


def _words(text: str) -> list[str]:
    return "".join(c.lower() if c.isalnum() else " " for c in text).split()


@cache
def _direction(word: str) -> NDArray[np.float64]:
    return rng_for(0, "word", word).standard_normal(DIMENSIONS)
