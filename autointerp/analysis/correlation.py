"""How far predicted activations follow the true ones, over the tokens of many sequences taken together.

Bills et al. 2023 (Language models can explain neurons in language models) correlate all tokens at once and do not
average over sequences, most of which have no correlation. Tokens of one sequence depend on each other, so whole
sequences are resampled. Each correlation is a function of totals that add up over sequences; that gives every resample
at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap

Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]

_NO_VARIANCE = 1e-12  # of standardised values, summed in one go
_NO_RANKS = 1e-24  # of ranks from 0 to 1, summed around their mean


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence: a true and a predicted value for each token, and the weight of each of them."""

    true: Sequence[float]
    predicted: Sequence[float]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation with its 95 % interval; `value` None: undefined, for the reason `undefined`."""

    value: float | None
    undefined: str | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Two values, a weight and the number of its sequence for each token, all (n,)."""

    true: Values
    predicted: Values
    weight: Values
    sequence: NDArray[np.intp]
    sequences: int


def pearson(rows: Sequence[Row], *, resamples: int, rng: np.random.Generator) -> Correlation:
    """Pearson's correlation of the true with the predicted values, each token counting with its sequence's weight."""
    return _correlate(_pairs(rows), _moments, resamples, rng)


def spearman(rows: Sequence[Row], *, resamples: int, rng: np.random.Generator) -> Correlation:
    """Spearman's correlation: Pearson's of the midranks.

    With weights a rank is the weight of all smaller values and half of that of equal ones, so that a weight of two is
    the same as a token that stands there twice.
    """
    return _correlate(_pairs(rows), _cells, resamples, rng)


def rank_correlation(true: Sequence[float], predicted: Sequence[float]) -> float | None:
    """Spearman's correlation of pairs that stand for themselves, without an interval; None: a side is constant."""
    pairs = _pairs([Row(true, predicted)])
    return None if _why_undefined(pairs) else _whole(*_cells(pairs))


def _correlate(
    pairs: _Pairs, split: Callable[[_Pairs], tuple[Values, Statistic]], resamples: int, rng: np.random.Generator
) -> Correlation:
    if reason := _why_undefined(pairs):
        return Correlation(None, reason, None)
    sums, statistic = split(pairs)
    value = _whole(sums, statistic)
    if value is None:
        return Correlation(None, "almost no weight lies on values that differ", None)
    return Correlation(value, None, bootstrap.interval(sums, statistic, resamples=resamples, rng=rng))


def _whole(sums: Values, statistic: Statistic) -> float | None:
    """The statistic of all sequences together; None where it is undefined."""
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    return value if np.isfinite(value) else None


def _pairs(rows: Sequence[Row]) -> _Pairs:
    """Lay the sequences end to end; those without weight are left out."""
    kept = [row for row in rows if row.weight > 0]
    lengths = [len(row.true) for row in kept]
    return _Pairs(
        true=np.array([value for row in kept for value in row.true], dtype=np.float64),
        predicted=np.array([value for row in kept for value in row.predicted], dtype=np.float64),
        weight=np.repeat([row.weight for row in kept], lengths).astype(np.float64),
        sequence=np.repeat(np.arange(len(kept)), lengths),
        sequences=len(kept),
    )


def _why_undefined(pairs: _Pairs) -> str | None:
    if len(pairs.true) == 0:
        return "there is no prediction to compare"
    if np.ptp(pairs.true) == 0:
        return f"the true activation is {pairs.true[0]:g} at every token"
    if np.ptp(pairs.predicted) == 0:
        return f"the predicted activation is {pairs.predicted[0]:g} at every token"
    return None


def _moments(pairs: _Pairs) -> tuple[Values, Statistic]:
    """What each sequence adds to six totals, (sequences, 6), and Pearson's correlation from such totals."""
    w, x, y = pairs.weight, _standardised(pairs.true), _standardised(pairs.predicted)
    products = np.stack([w, w * x, w * y, w * x * x, w * y * y, w * x * y], axis=1)
    sums = np.zeros((pairs.sequences, 6))
    np.add.at(sums, pairs.sequence, products)
    return sums, _pearson


def _standardised(values: Values) -> Values:
    return (values - values.mean()) / values.std()


def _pearson(totals: Values) -> Values:
    """Pearson's correlation from totals (r, 6), NaN where either side is constant: (r,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y, xx, yy, xy = (totals[:, 1:] / totals[:, :1]).T
        variances = xx - x**2, yy - y**2
        defined = np.minimum(*variances) > _NO_VARIANCE
        return np.where(defined, np.clip((xy - x * y) / np.sqrt(variances[0] * variances[1]), -1, 1), np.nan)


def _cells(pairs: _Pairs) -> tuple[Values, Statistic]:
    """The weight of each sequence on each of k different pairs of values, (sequences, k), and Spearman's from totals.

    Ranks change with every resample, but which values are equal does not; so the totals on the pairs are enough.
    """
    different, cell = np.unique(np.stack([pairs.true, pairs.predicted]), axis=1, return_inverse=True)
    sums = np.zeros((pairs.sequences, different.shape[1]))
    np.add.at(sums, (pairs.sequence, cell.reshape(-1)), pairs.weight)
    levels = [np.unique(side, return_inverse=True)[1] for side in different]

    def statistic(totals: Values) -> Values:
        shares = totals / totals.sum(axis=1, keepdims=True)
        return _of_ranks(shares, *(midranks(shares, level) for level in levels))

    return sums, statistic


def midranks(shares: Values, level: NDArray[np.intp]) -> Values:
    """The share of all weight below each cell's level and half of that on it, (r, k).

    `shares` (r, k): the weight of k cells in each of r resamples; `level` (k,): the place of each cell's value among
    the different values, ascending from 0.
    """
    on_level = shares @ np.eye(int(level.max()) + 1)[level]
    return (np.cumsum(on_level, axis=1) - on_level / 2)[:, level]


def _of_ranks(shares: Values, x: Values, y: Values) -> Values:
    x = x - np.sum(shares * x, axis=1, keepdims=True)
    y = y - np.sum(shares * y, axis=1, keepdims=True)
    xx, yy, xy = (np.sum(shares * product, axis=1) for product in (x * x, y * y, x * y))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.minimum(xx, yy) > _NO_RANKS, np.clip(xy / np.sqrt(xx * yy), -1, 1), np.nan)
