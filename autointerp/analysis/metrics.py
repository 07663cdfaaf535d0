"""How well yes-and-no answers, or confidences, tell firing windows from silent ones."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of answers by truth; every rate is None where its denominator is zero."""

    true_positives: float
    false_negatives: float
    true_negatives: float
    false_positives: float

    @classmethod
    def of(cls, truths: NDArray[np.bool_], verdicts: NDArray[np.bool_ | np.float64]) -> "Confusion":
        """Count `verdicts` (n,) against `truths` (n,); a verdict of 0.5 is half a yes and half a no."""
        yes = verdicts.astype(np.float64)
        return cls(
            true_positives=float(yes[truths].sum()),
            false_negatives=float((1 - yes[truths]).sum()),
            true_negatives=float((1 - yes[~truths]).sum()),
            false_positives=float(yes[~truths].sum()),
        )

    @property
    def tpr(self) -> float | None:
        """The share of positives called positive (recall, sensitivity)."""
        return _share(self.true_positives, self.false_negatives)

    @property
    def fpr(self) -> float | None:
        """The share of negatives called positive."""
        return _share(self.false_positives, self.true_negatives)

    @property
    def accuracy(self) -> float | None:
        """The share of right answers."""
        return _share(self.true_positives + self.true_negatives, self.false_positives + self.false_negatives)

    @property
    def balanced_accuracy(self) -> float | None:
        """The mean of the shares of right answers on positives and on negatives; a coin scores 0.5."""
        if self.tpr is None or self.fpr is None:
            return None
        return (self.tpr + 1 - self.fpr) / 2


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest else None


def auroc(truths: NDArray[np.bool_], confidences: NDArray[np.float64]) -> float | None:
    """The probability that a positive has a higher confidence than a negative, ties counting half.

    `truths` (n,), `confidences` (n,) in any unit. None when there are no positives or no negatives. This is the
    Mann-Whitney statistic over midranks; SciPy has it too, but importing it takes longer than the API may to start.
    """
    positives = int(truths.sum())
    negatives = len(truths) - positives
    if positives == 0 or negatives == 0:
        return None
    _, inverse, counts = np.unique(confidences, return_inverse=True, return_counts=True)
    midranks = np.cumsum(counts) - (counts - 1) / 2
    above = midranks[inverse][truths].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def precision_at(density: float, *, tpr: float | None, fpr: float | None) -> float | None:
    """The precision that these rates give where a share `density` is positive, by the rule of Bayes.

    None when a rate is undefined, or when nothing would be called positive.
    """
    if tpr is None or fpr is None:
        return None
    called = tpr * density + fpr * (1 - density)
    return tpr * density / called if called > 0 else None


def f1(precision: float | None, recall: float | None) -> float | None:
    """The harmonic mean of precision and recall; None when either is undefined, 0 when both are 0."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def otsu(values: NDArray[np.float64]) -> float | None:
    """The cut between two values that parts `values` (n,) into the two most compact classes (Otsu 1979).

    No labels are used: the cut maximises the variance between the classes, and lies midway between the two values
    around it; of equally good cuts the lowest is taken. None when there are fewer than two distinct values.
    """
    ordered = np.sort(values)
    n = len(ordered)
    steps = np.flatnonzero(np.diff(ordered) > 0)  # a cut after ordered[i]
    if len(steps) == 0:
        return None
    below = steps + 1
    sums = np.cumsum(ordered)
    mean_below = sums[steps] / below
    mean_above = (sums[-1] - sums[steps]) / (n - below)
    between = below * (n - below) * (mean_above - mean_below) ** 2
    best = steps[int(np.flatnonzero(between >= between.max() * (1 - 1e-12))[0])]
    return float(math.fsum((ordered[best], ordered[best + 1])) / 2)
