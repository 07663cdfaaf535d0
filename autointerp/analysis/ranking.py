"""Ranking texts for a query: by the words that they share, and by several measures at once."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\w+|[^\w\s]")
SATURATION = 1.2  # k1 of BM25
DAMPING = 60  # k of reciprocal rank fusion, as its authors have it

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class WordIndex:
    """Which of `size` texts hold each word, and how much for.

    The measure is BM25 (Robertson and Zaragoza 2009, The Probabilistic Relevance Framework, section 3) without its
    correction for length, as the texts are windows of one length.
    """

    size: int
    held: Mapping[str, tuple[NDArray[np.int32], Values]]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "WordIndex":
        """Read the texts."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        for i, text in enumerate(texts):
            for word, count in Counter(_words(text)).items():
                places, counts = found.setdefault(word, ([], []))
                places.append(i)
                counts.append(count)
        held = {
            word: (np.array(places, np.int32), _saturated(np.array(counts, np.float64)))
            for word, (places, counts) in found.items()
        }
        return cls(len(texts), held)

    def match(self, query: str) -> Values:
        """How well each text matches, (size,); 0 where it shares no word with the query."""
        scores = np.zeros(self.size)
        for word in sorted(set(_words(query)) & self.held.keys()):
            places, counts = self.held[word]
            scores[places] += self._weight(word) * counts
        return scores

    def match_others(self, query: str, texts: Sequence[str]) -> Values:
        """How well other texts match, (len(texts),), with the weights that words have among the texts of the index."""
        asked = sorted(set(_words(query)))
        counts = [Counter(_words(text)) for text in texts]
        table = np.array([[count[word] for word in asked] for count in counts], np.float64).reshape(
            len(texts), len(asked)
        )
        return _saturated(table) @ np.array([self._weight(word) for word in asked])

    def _weight(self, word: str) -> float:
        """The rarer a word, the more it says."""
        holding = len(self.held[word][0]) if word in self.held else 0
        return math.log1p((self.size - holding + 0.5) / (holding + 0.5))


def ranks(scores: NDArray[np.floating], among: NDArray[np.floating]) -> Values:
    """The place of each score (n,) among others (m,), the highest being at place 1; equal ones share their places."""
    ordered = np.sort(among)
    below, not_above = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return (len(ordered) - not_above) + (not_above - below + 1) / 2


def fused(*places: Values) -> Values:
    """One value for each text, higher is better, from its places in several rankings.

    The sum of reciprocal ranks (Cormack, Clarke and Büttcher 2009, Reciprocal Rank Fusion): what stands high in one
    ranking is not lost because another knows nothing of it, as it would be by the mean of ranks.
    """
    return np.sum([1 / (DAMPING + place) for place in places], axis=0)


def _saturated(counts: Values) -> Values:
    return counts * (SATURATION + 1) / (counts + SATURATION)


def _words(text: str) -> list[str]:
    """Words without case and without a plural's s, and signs."""
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in WORD.findall(text.casefold())]
