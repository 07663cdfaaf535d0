"""Short windows around peaks, drawn as SAEBench does: strong ones, weaker ones by their strength, and silent ones."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autointerp.domain.examples import Example, Kind

REACH = 10  # tokens on either side of the peak


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a window that is shown, from token `start` to before `stop`, and how it was drawn."""

    example: Example
    drawn: str
    start: int
    stop: int

    @classmethod
    def around_peak(cls, example: Example, drawn: str) -> "Cut":
        """The peak with ten tokens on either side, fewer where the window ends."""
        return cls(example, drawn, max(0, example.peak - REACH), min(len(example.pieces), example.peak + REACH + 1))

    @property
    def text(self) -> str:
        """What is shown."""
        return "".join(self.example.pieces[self.start : self.stop])

    @property
    def length(self) -> int:
        """How many tokens are shown."""
        return self.stop - self.start

    def overlaps(self, other: "Cut") -> bool:
        """Whether both show the same token of the corpus."""
        if self.example.context != other.example.context:
            return False
        shift = self.example.start - other.example.start
        return self.start + shift < other.stop and other.start < self.stop + shift


def is_whole(example: Example) -> bool:
    """Whether there are ten tokens on either side of the peak."""
    return REACH <= example.peak < len(example.pieces) - REACH


def apart(examples: Sequence[Example]) -> list[Example]:
    """The firing windows, strongest first, without those that would show a token of a stronger one."""
    kept: list[Cut] = []
    for example in sorted((e for e in examples if not e.silent), key=lambda e: (-e.max, e.window, e.group)):
        cut = Cut.around_peak(example, "")
        if not any(cut.overlaps(other) for other in kept):
            kept.append(cut)
    return [cut.example for cut in kept]


def by_square(
    weaker: Sequence[Example], examples: Sequence[Example], *, count: int, rng: np.random.Generator
) -> list[Example]:
    """At most `count` of the `weaker` windows, drawn without replacement by the squares of their activations.

    Only quantiles hold equal shares of all peaks, however many windows each keeps; so only their windows are drawn, and
    each stands for its share of its quantile among `examples`.
    """
    quantile = {example.window: example.group for example in examples if example.group.kind is Kind.QUANTILE}
    sizes = Counter(quantile.values())
    known = [example for example in weaker if example.window in quantile]
    weights = np.array([e.max**2 / sizes[quantile[e.window]] for e in known], dtype=np.float64)
    count = min(count, int(np.count_nonzero(weights)))
    if count == 0:
        return []
    return [known[i] for i in rng.choice(len(known), size=count, replace=False, p=weights / weights.sum())]


def as_long(silent: Sequence[Example], lengths: Sequence[int], drawn: str, rng: np.random.Generator) -> list[Cut]:
    """Cut the silent windows somewhere, to these lengths in turn, so that no length gives an answer away."""
    cuts: list[Cut] = []
    for i, example in enumerate(silent):
        length = min(len(example.pieces), lengths[i % len(lengths)])
        start = int(rng.integers(len(example.pieces) - length + 1))
        cuts.append(Cut(example, drawn, start, start + length))
    return cuts
