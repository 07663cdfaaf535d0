"""Bootstrap confidence intervals over windows or features, many resamples at once."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
HELD = 1 << 20  # counts of draws in memory at once
FEW = 8  # different rows up to which drawing how often each comes is faster than drawing rows


def interval(
    sums: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    """The percentile interval (95 %) of a statistic of totals, resampling the rows with replacement.

    `sums` (n, k): what each of n windows adds to k totals. `statistic` maps totals (r, k) to values (r,), NaN where
    it is undefined; such resamples are left out. None when there are no rows or no resample is defined. Rows that are
    equal are drawn together: how often each of a few comes is a multinomial draw, in the order of their first row,
    so that two sides turned around draw the same.
    Source: Efron and Tibshirani 1993, chapter 13.
    """
    if len(sums) == 0:
        return None
    different, first, counts = np.unique(sums, axis=0, return_index=True, return_counts=True)
    if len(different) <= min(FEW, len(sums) // 2):
        order = np.argsort(first)
        drawn = rng.multinomial(len(sums), counts[order] / len(sums), size=resamples)
        return between([statistic(drawn.astype(np.float64) @ different[order])])
    return between([statistic(drawn.astype(np.float64) @ sums) for drawn in draws(len(sums), resamples, rng)])


def between(values: list[NDArray[np.float64]]) -> tuple[float, float] | None:
    """The percentile interval (95 %) of resampled values; None when none of them is finite."""
    joined = np.concatenate(values)
    defined = joined[np.isfinite(joined)]
    if len(defined) == 0:
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def draws(n: int, resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield how often each of n rows is drawn, (r, n) for a part of the resamples at a time."""
    most = max(1, HELD // n)
    for done in range(0, resamples, most):
        yield _draws(n, min(most, resamples - done), rng)


def _draws(n: int, resamples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How often each of n rows is drawn, (resamples, n); a quarter of the time that `multinomial` takes."""
    drawn = rng.integers(n, size=(resamples, n)) + n * np.arange(resamples)[:, None]
    return np.bincount(drawn.reshape(-1), minlength=resamples * n).reshape(resamples, n)
