"""How right an explanation really is: over whole documents, in windows as the scorers see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from benchmarks.planted.claims import Claim, words_of
from benchmarks.planted.documents import documents
from benchmarks.planted.features import Departure, Sort, explanations, features

DOCUMENTS = 3_000
WINDOW = 32


@dataclass(frozen=True)
class Rightness:
    """Of the windows in which the feature fires, and of those for which the explanation holds."""

    both: int
    fires: int
    claimed: int

    @property
    def f1(self) -> float:
        """F1 of the explanation's claims, 0 where nothing is right."""
        return 2 * self.both / (self.fires + self.claimed) if self.fires + self.claimed else 0.0


def rightness(index: int, departure: Departure) -> Rightness:
    """Hold an explanation against the feature's own truth, window by window."""
    feature = features()[index]
    claim = explanations(index)[departure]
    wanted, told = _windows(Claim(feature.fires)), _windows(claim)
    return Rightness(len(wanted & told), len(wanted), len(told))


@cache
def _windows(claim: Claim) -> frozenset[tuple[int, int]]:
    """The windows (document, window) in which the claim holds, of those documents that hold one of its words."""
    texts, holding = _texts()
    candidates = {place for word in claim.words if claim.terms for place in holding.get(word, ())}
    return frozenset(
        (place, at // WINDOW) for place in candidates for at, held in enumerate(claim.holds(texts[place])) if held
    )


@cache
def _texts() -> tuple[Sequence[list[str]], dict[str, set[int]]]:
    texts = [words_of(text) for _, text in documents(DOCUMENTS, seed=0)]
    holding: dict[str, set[int]] = {}
    for place, words in enumerate(texts):
        for word in words:
            holding.setdefault(word, set()).add(place)
    return texts, holding


def explained_by_input(index: int) -> bool:
    """Whether a feature has a truth about where it fires: one that only acts has none."""
    return bool(features()[index].fires) and features()[index].sort is not Sort.OUTPUT
