"""How far scorers agree: rank correlations over what both of them scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap
from autointerp.domain.seeds import rng_for

LEAST = 10  # explanations that both scored; fewer ranks say nothing
DRAWS = 1_000_000  # of explanations in all resamples together
RESAMPLES = (200, 1_000)  # at least and at most; many explanations have so narrow an interval that fewer will do


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation of two scorers over the `count` explanations that both scored.

    `interval` is the 95 % bootstrap interval, resampling explanations. `value` None: undefined, for the reason
    `undefined`.
    """

    value: float | None
    interval: tuple[float, float] | None
    count: int
    undefined: str | None


def agreement(table: NDArray[np.float64], names: Sequence[str], *, seed: int) -> dict[tuple[int, int], Correlation]:
    """Correlate each pair of columns i < j of `table` (explanations, scorers), NaN where a score is missing."""
    resamples = int(np.clip(DRAWS // max(1, len(table)), *RESAMPLES))
    return {
        (i, j): correlate(
            table[:, i], table[:, j], resamples=resamples, rng=rng_for(seed, "agreement", names[i], names[j])
        )
        for j in range(len(names))
        for i in range(j)
    }


def correlate(
    first: NDArray[np.float64], second: NDArray[np.float64], *, resamples: int, rng: np.random.Generator
) -> Correlation:
    """Correlate the ranks of two scorers, (n,) each, where neither is NaN; ties share their mean rank.

    Every resample is ranked anew: to resample the ranks of the whole sample would be another, wrong interval.
    """
    both = np.isfinite(first) & np.isfinite(second)
    x, y = first[both], second[both]
    if reason := _why_undefined(x, y):
        return Correlation(None, None, len(x), reason)
    [whole] = _spearman(x, y, np.ones((1, len(x)), dtype=np.int64))
    values = [_spearman(x, y, drawn) for drawn in bootstrap.draws(len(x), resamples, rng)]
    return Correlation(float(whole), bootstrap.between(values), len(x), None)


def _why_undefined(x: NDArray[np.float64], y: NDArray[np.float64]) -> str | None:
    if len(x) < LEAST:
        return f"only {len(x)} explanations have both scores; {LEAST} are needed"
    for values, which in ((x, "first"), (y, "second")):
        if values.min() == values.max():
            return f"the {which} scorer gives all {len(x)} explanations the same score"
    return None


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Spearman's correlation (r,) in each resample; NaN where one of them is constant. `drawn` (r, n)."""
    times = np.ascontiguousarray(drawn.T, dtype=np.float64)  # (n, r): what is sorted and added up are whole rows
    middle = (len(x) + 1) / 2  # the mean of the ranks 1 … n, however they are tied
    a, b = _ranks(x, times) - middle, _ranks(y, times) - middle
    weighted = times * a
    spread = np.sqrt(_dot(weighted, a) * _dot(times * b, b))
    with np.errstate(invalid="ignore"):
        return np.clip(_dot(weighted, b) / spread, -1, 1)


def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inner product (r,) of each column of `a` and `b` (n, r)."""
    return np.einsum("nr,nr->r", a, b)


def _ranks(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean rank (n, r) of each value in each resample that holds it `times` (n, r)."""
    order = np.argsort(values, kind="stable")
    distinct, starts = np.unique(values[order], return_index=True)  # (k,)
    counts = np.add.reduceat(times[order], starts, axis=0)  # (k, r)
    ranks = np.cumsum(counts, axis=0) - (counts - 1) / 2  # (k, r)
    return ranks[np.searchsorted(distinct, values)]
