"""The planted features, of ten kinds, each with its truth and with explanations that depart from it in a known way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from benchmarks.planted.claims import Claim, Term
from benchmarks.planted.documents import weight
from benchmarks.planted.vocabulary import (
    ARTICLES,
    CLASSES,
    NOUNS,
    PAIRS,
    PHRASES,
    PREPOSITIONS,
    RARE,
    SPARE,
    TOPICS,
    VERBS,
)


class Sort(StrEnum):
    """What a planted feature is about."""

    CLASS = "class of words"
    TOKEN = "single token"
    CONTEXT = "word in context"
    PHRASE = "position in a phrase"
    QUOTED = "inside quotes"
    LONG = "long-range"
    OUTPUT = "output only"
    POLYSEMANTIC = "polysemantic"
    DENSE = "dense"
    RARE = "very rare"
    DEAD = "dead"


class Departure(StrEnum):
    """How an explanation departs from the truth."""

    TRUE = "true"
    BROAD = "over-broad"
    NARROW = "too narrow"
    SHUFFLED = "shuffled"
    WRONG = "wrong"


@dataclass(frozen=True)
class Feature:
    """A planted feature: `fires` says where (empty: never), `promotes` which words it makes likelier."""

    sort: Sort
    fires: tuple[Term, ...]
    promotes: frozenset[str]

    @property
    def truth(self) -> Claim:
        """The true explanation: of a feature that only acts, what it does."""
        if self.sort is Sort.OUTPUT:
            return Claim(promotes=self.promotes)
        return Claim(self.fires)


@cache
def features() -> tuple[Feature, ...]:
    """All planted features, in the order of their indices."""
    return tuple(Feature(sort, terms, promotes) for sort, terms, promotes in _all())


@cache
def explanations(index: int) -> dict[Departure, Claim]:
    """The five explanations of a live feature."""
    feature = features()[index]
    live = [i for i, other in enumerate(features()) if other.fires and other.sort is not Sort.OUTPUT]
    place = live.index(index) if index in live else index
    borrowed = next(
        other
        for step in range(len(live))
        if (other := features()[live[(place + len(live) // 2 + step) % len(live)]]).sort is not feature.sort
        and not other.truth.words & feature.truth.words
    )
    spare = frozenset(CLASSES[SPARE[index % len(SPARE)]])
    return {
        Departure.TRUE: feature.truth,
        Departure.BROAD: _broader(feature),
        Departure.NARROW: _narrower(feature),
        Departure.SHUFFLED: borrowed.truth,
        Departure.WRONG: replace(feature.truth, promotes=spare) if not feature.truth.terms else Claim((Term(spare),)),
    }


def _broader(feature: Feature) -> Claim:
    """Without its condition where there is one; else with a class of words more that is about as frequent."""
    if feature.sort is Sort.OUTPUT:
        return Claim(promotes=feature.promotes | _as_frequent(feature.promotes))
    if any(term.after or term.quoted or term.topic for term in feature.fires):
        return Claim(tuple(Term(term.words) for term in feature.fires))
    return Claim((*feature.fires, Term(_as_frequent(feature.truth.words))))


def _narrower(feature: Feature) -> Claim:
    """Half of its words; for a single word, only right after "the", or inside quotes."""
    if feature.sort is Sort.OUTPUT:
        return Claim(promotes=_half(feature.promotes))
    if len(feature.fires) > 1:
        return Claim(feature.fires[:1])
    [term] = feature.fires
    if len(term.words) > 1:
        return Claim((replace(term, words=_half(term.words)),))
    return Claim((replace(term, quoted=True) if term.after else replace(term, after=frozenset({"the"})),))


def _half(words: frozenset[str]) -> frozenset[str]:
    return frozenset(sorted(words)[::2])


def _as_frequent(words: frozenset[str]) -> frozenset[str]:
    """The words that no feature is about and that together are about as frequent as these: spare classes and nouns."""
    wanted = weight(words)
    free = [word for name in SPARE for word in CLASSES[name]] + list(NOUNS[1::2])
    free.sort(key=lambda word: (-weight({word}), word))
    chosen: set[str] = set()
    for word in free:
        if weight(chosen | {word}) <= 1.1 * wanted:
            chosen.add(word)
    return frozenset(chosen or {free[-1]})


def _all() -> Iterator[tuple[Sort, tuple[Term, ...], frozenset[str]]]:
    own = {name: frozenset(words) for name, words in CLASSES.items() if name not in SPARE}
    names = list(own)
    for words in own.values():
        yield Sort.CLASS, (Term(words),), words
    for word in NOUNS[::2][:40:2]:
        yield Sort.TOKEN, (Term(frozenset({word})),), frozenset({word})
    for first, second in PAIRS:
        yield Sort.CONTEXT, (Term(own[second], after=own[first]),), own[second]
    for first, last in PHRASES.values():
        word = frozenset({last})
        yield Sort.PHRASE, (Term(word, after=frozenset({first}), distance=2),), word
    for name in QUOTED:
        yield Sort.QUOTED, (Term(own[name], quoted=True),), own[name]
    for i, name in enumerate(LONG):
        yield Sort.LONG, (Term(own[name], topic=TOPICS[i % len(TOPICS)]),), own[name]
    for i in range(8):
        yield Sort.OUTPUT, (Term(MEANINGLESS[i]),), own[names[3 * i]]
    for i in range(10):
        both = own[names[i]], own[names[-1 - i]]
        yield Sort.POLYSEMANTIC, tuple(Term(words) for words in both), both[0] | both[1]
    for words in (ARTICLES, PREPOSITIONS, VERBS, [*ARTICLES, *VERBS]):
        yield Sort.DENSE, (Term(frozenset(words)),), frozenset(words)
    for word in RARE:
        yield Sort.RARE, (Term(frozenset({word})),), frozenset({word})
    for _ in range(6):
        yield Sort.DEAD, (), frozenset()


QUOTED = ("animals", "colours", "food", "tools", "weapons", "countries")
LONG = ("fish", "insects", "metals", "spices", "games", "illness", "vessels", "sciences")
MEANINGLESS = tuple(frozenset(NOUNS[k::16][1:5]) for k in range(1, 16, 2))
"""Words that have nothing in common, on which the features that only act fire."""
