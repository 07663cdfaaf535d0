"""Two sides compared feature by feature: their means, the difference with its interval, who won how often."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap

RESAMPLES = 2_000
FLIPS = 10_000
EXACT = 12  # pairs up to which every choice of signs is tried
SAME = 1e-12  # differences of rounding


class LeftOut(StrEnum):
    """Why a feature cannot be compared."""

    FIRST_NOT_SCORED = "first_not_scored"
    SECOND_NOT_SCORED = "second_not_scored"
    FIRST_UNDEFINED = "first_undefined"
    SECOND_UNDEFINED = "second_undefined"
    BOTH_UNDEFINED = "both_undefined"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides over the `pairs` features that have a score on both; the numbers are None where there is no pair.

    `difference` is the mean of first - second, `interval` its 95 % bootstrap interval over features (None for a
    single pair), and `p` the two-sided p-value of no difference. The first side `wins` where its score is higher.
    """

    pairs: int
    first: float | None
    second: float | None
    difference: float | None
    interval: tuple[float, float] | None
    p: float | None
    wins: int
    ties: int
    losses: int
    left_out: Mapping[LeftOut, int]


def compare(
    first: Mapping[int, float | None],
    second: Mapping[int, float | None],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare the scores of two sides by feature id; None: undefined, absent: not scored."""
    features = sorted(first.keys() | second.keys())
    why = {feature: _left_out(first, second, feature) for feature in features}
    paired = [feature for feature in features if why[feature] is None]
    a = np.array([first[feature] for feature in paired], dtype=np.float64)
    b = np.array([second[feature] for feature in paired], dtype=np.float64)
    differences = a - b
    return Comparison(
        pairs=len(paired),
        first=_mean(a),
        second=_mean(b),
        difference=_mean(differences),
        interval=mean_interval(differences, resamples=resamples, rng=rng),
        p=sign_flip(differences, rng=rng) if paired else None,
        wins=int(np.sum(differences > SAME)),
        ties=int(np.sum(np.abs(differences) <= SAME)),
        losses=int(np.sum(differences < -SAME)),
        left_out=dict(sorted(Counter(reason for reason in why.values() if reason is not None).items())),
    )


def _left_out(first: Mapping[int, float | None], second: Mapping[int, float | None], feature: int) -> LeftOut | None:
    if feature not in first:
        return LeftOut.FIRST_NOT_SCORED
    if feature not in second:
        return LeftOut.SECOND_NOT_SCORED
    match (first[feature], second[feature]):
        case (None, None):
            return LeftOut.BOTH_UNDEFINED
        case (None, _):
            return LeftOut.FIRST_UNDEFINED
        case (_, None):
            return LeftOut.SECOND_UNDEFINED
        case _:
            return None


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def mean_interval(
    values: NDArray[np.float64], *, resamples: int, rng: np.random.Generator
) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of the mean of `values` (n,); None for fewer than two."""
    if len(values) < 2:
        return None
    return bootstrap.interval(values[:, None], lambda sums: sums[:, 0] / len(values), resamples=resamples, rng=rng)


def sign_flip(differences: NDArray[np.float64], *, rng: np.random.Generator) -> float:
    """The two-sided p-value of a mean difference of zero: how often random signs give one as large.

    Up to 12 differences (n,) every choice of signs is tried; of more, 10,000 are drawn, and the one that was seen
    counts among them, so that p is never 0. Sources: Fisher 1935, section 21; Phipson and Smyth 2010.
    """
    n = len(differences)
    seen = abs(float(differences.sum())) - SAME * max(1.0, float(np.abs(differences).sum()))
    if n <= EXACT:
        signs = 1 - 2 * (np.arange(1 << n)[:, None] >> np.arange(n) & 1)
        return float(np.mean(np.abs(signs @ differences) >= seen))
    as_large, part = 0, max(1, bootstrap.HELD // n)
    for done in range(0, FLIPS, part):
        flipped = rng.integers(2, size=(min(part, FLIPS - done), n), dtype=np.int8).astype(np.float64)
        sums = differences.sum() - 2 * (flipped @ differences)
        as_large += int(np.sum(np.abs(sums) >= seen))
    return (1 + as_large) / (1 + FLIPS)
