"""A feature in the sample of the corpus: where it fires, how much that counts for, and what is asked about it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis.retrieval import Design, window_prevalence
from autointerp.domain.examples import Example, Group, Kind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Passage, Question
from autointerp.domain.sample import Window
from autointerp.hashing import canonical_json
from autointerp.scorers._search import Found
from autointerp.scorers._trials import Ask

TASK = "detection"
INTERVALS = 12  # equal ones, of (0, max]

Place = tuple[int | None, bool]  # of a trial: its interval of activation, and whether the search reaches it


@dataclass(frozen=True, eq=False)
class Scene:
    """The sample with the feature's firing in it, and known firing windows; those drawn by quantiles are uniform.

    Where the density promises fewer than `enough` firing windows in the sample, that number stands in place of their
    count, and the known ones in their place in the search. To let the count itself decide would bias it; it does so
    only where it is far from what was promised.
    """

    feature: FeatureRecord
    windows: tuple[Window, ...]
    fired: NDArray[np.bool_]
    known: tuple[Example, ...]
    enough: int

    @cached_property
    def reckoned(self) -> float:
        """How many windows of the sample should fire by the feature's density."""
        length = sum(len(window.pieces) for window in self.windows) / len(self.windows)
        firing = float(np.mean([sum(a > 0 for a in example.activations) for example in self._uniform]))
        density = self.feature.statistics.density
        return len(self.windows) * window_prevalence(density=density, length=length, firing=firing)

    @cached_property
    def rare(self) -> bool:
        """Whether the sample holds too few firing windows to count."""
        count = int(self.fired.sum())
        plausible = self.enough / 4 <= count < 2 * self.enough
        return (self.reckoned if plausible else count) < self.enough

    @property
    def expected(self) -> float:
        """How many windows of the sample fire, or should."""
        return self.reckoned if self.rare else float(self.fired.sum())

    @property
    def stand_ins(self) -> list[str]:
        """The texts that stand for firing windows of the sample."""
        return [example.text for example in self.known] if self.rare else []

    def design(self, noise: float) -> Design:
        """What answers are weighted by."""
        intervals = [self._interval(example) for example in self._uniform]
        shares = np.bincount(intervals, minlength=INTERVALS) / len(intervals)
        return Design(shares, self.expected if self.rare else None, noise)

    def questions(self, explanation: str, found: Found, random: NDArray[np.intp]) -> Iterator[tuple[Place, Ask]]:
        """Ask about the known windows, what was found, and these random silent windows."""
        reached = found.reached.tolist() if self.rare else [False] * len(self.known)
        for example, within in zip(self.known, reached, strict=True):
            place = self._interval(example), within
            note = canonical_json({"interval": place[0], **({"reached": within} if self.rare else {})})
            question = Question(TASK, explanation, Passage(example.pieces))
            yield place, Ask(question, example.group, example.window, truth=True, note=note)
        for kind, positions in ((Kind.RETRIEVED, found.top), (Kind.RANDOM, random)):
            for rank, i in enumerate(positions.tolist(), start=1):
                window = self.windows[i]
                question = Question(TASK, explanation, Passage(window.pieces))
                note = canonical_json({"rank": rank}) if kind is Kind.RETRIEVED else ""
                place = (window.context, window.start)
                yield (None, False), Ask(question, Group(kind), place, truth=bool(self.fired[i]), note=note)

    def of_ranking(self, found: Found) -> dict[str, float | None]:
        """What the ranking achieves before anybody is asked."""
        held = int(self.fired[found.top].sum())
        uniform = [example.group.kind is Kind.QUANTILE for example in self.known]
        fired = int(self.fired.sum())
        recall = float(found.reached[uniform].mean()) if self.rare else (held / fired if fired else None)
        return {
            "searched": float(len(found.top)),
            "retrieved_firing": float(held),
            "recall_of_ranking": recall,
            "prevalence": self.expected / len(self.windows),
        }

    @property
    def _uniform(self) -> list[Example]:
        return [example for example in self.known if example.group.kind is Kind.QUANTILE]

    def _interval(self, example: Example) -> int:
        place = math.ceil(INTERVALS * example.max / self.feature.statistics.max) - 1
        return min(INTERVALS - 1, max(0, place))
