"""The planted documents: sentences of background words, into which classes, phrases and quotations are set."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np

from autointerp.domain.seeds import rng_for
from benchmarks.planted.vocabulary import (
    ARTICLES,
    CLASSES,
    NOUNS,
    PAIRS,
    PHRASES,
    PREPOSITIONS,
    QUOTES,
    RARE,
    STOP,
    TOPICS,
    VERBS,
)

SENTENCES = 9
OF_A_CLASS = 0.12  # of the places of a noun
THEMES = 3  # classes that a document comes back to
ON_THEME = 0.7
IN_QUOTES = 0.12  # of the sentences
WITH_PHRASE = 0.04
WITH_PAIR = 0.04
WITH_TOPIC = 0.4  # of the documents
RARE_NOUN = 1.5e-3  # of the places of a noun, over all rare words
_SKELETONS = (
    "{a} {n} {v} {a} {n} {p} {a} {n}",
    "{a} {n} and {a} {n} are {p} {a} {n}",
    "there are {n} {p} {a} {n}",
    "{a} {n} {v} {n} and {n}",
    "{n} {v} {a} {n} {p} {n}",
)

Rng = np.random.Generator


def documents(count: int, *, seed: int) -> tuple[tuple[str, str], ...]:
    """Return `count` texts (id, text) of some hundred tokens; the same on every machine."""
    return tuple((f"planted/{n}", _document(rng_for(seed, "planted kinds", n))) for n in range(count))


def weight(words: Iterable[str]) -> float:
    """About how often one of these words fills the place of a noun."""
    chances = _chances()
    return sum(chances.get(word, 0.0) for word in words)


@cache
def _chances() -> dict[str, float]:
    found = {word: (1 - OF_A_CLASS) * share for word, share in zip(NOUNS, _zipf(len(NOUNS)).tolist(), strict=True)}
    for name, share in zip(CLASSES, class_shares().tolist(), strict=True):
        found |= dict.fromkeys(CLASSES[name], OF_A_CLASS * share / len(CLASSES[name]))
    return found | {word: RARE_NOUN * share for word, share in zip(RARE, _zipf(len(RARE)).tolist(), strict=True)}


@cache
def class_shares() -> np.ndarray:
    """How often each class is drawn: the spare ones lie between the others."""
    order = rng_for(0, "classes").permutation(len(CLASSES))
    shares = np.empty(len(CLASSES))
    shares[order] = _zipf(len(CLASSES))
    return shares


@cache
def _zipf(count: int) -> np.ndarray:
    shares = 1 / np.arange(2, count + 2)
    return shares / shares.sum()


def _document(rng: Rng) -> str:
    themes = rng.choice(len(CLASSES), size=THEMES, p=class_shares())
    sentences = [_sentence(rng, [list(CLASSES)[i] for i in themes]) for _ in range(SENTENCES)]
    if rng.random() < WITH_TOPIC:
        sentences.insert(0, str(rng.choice(TOPICS)))
    return f"{STOP} ".join(sentences) + STOP


def _sentence(rng: Rng, themes: Sequence[str]) -> str:
    kind = rng.random()
    if kind < WITH_PHRASE:
        return f"{_filled('{a} {n} {v} {a} {n}', rng, themes)} {_phrase(rng)}"
    if kind < WITH_PHRASE + WITH_PAIR:
        return f"{_filled('{a} {n} {v}', rng, themes)} {_pair(rng)} {_filled('{p} {a} {n}', rng, themes)}"
    plain = _filled(str(rng.choice(_SKELETONS)), rng, themes)
    if rng.random() < IN_QUOTES:
        return f"{_filled('{a} {n} says', rng, themes)} {QUOTES[0]} {plain} {QUOTES[1]}"
    return plain


def _phrase(rng: Rng) -> str:
    """A phrase; in a third of the cases its last word stands behind another noun."""
    phrase = str(rng.choice(list(PHRASES)))
    if rng.random() < 1 / 3:
        return " ".join([str(rng.choice(NOUNS)), *phrase.split()[1:]])
    return phrase


def _pair(rng: Rng) -> str:
    first, second = PAIRS[int(rng.integers(len(PAIRS)))]
    return f"{rng.choice(CLASSES[first])} {rng.choice(CLASSES[second])}"


def _filled(skeleton: str, rng: Rng, themes: Sequence[str]) -> str:
    return " ".join(_slots(skeleton.split(), rng, themes))


def _slots(parts: Sequence[str], rng: Rng, themes: Sequence[str]) -> Iterator[str]:
    for part in parts:
        match part:
            case "{n}":
                yield _noun(rng, themes)
            case "{a}":
                yield str(rng.choice(ARTICLES))
            case "{v}":
                yield str(rng.choice(VERBS))
            case "{p}":
                yield str(rng.choice(PREPOSITIONS))
            case word:
                yield word


def _noun(rng: Rng, themes: Sequence[str]) -> str:
    kind = rng.random()
    if kind < RARE_NOUN:
        return str(rng.choice(RARE, p=_zipf(len(RARE))))
    if kind < RARE_NOUN + OF_A_CLASS:
        chosen = themes[int(rng.integers(len(themes)))]
        if rng.random() >= ON_THEME:
            chosen = list(CLASSES)[int(rng.choice(len(CLASSES), p=class_shares()))]
        return str(rng.choice(CLASSES[chosen]))
    return str(rng.choice(NOUNS, p=_zipf(len(NOUNS))))
