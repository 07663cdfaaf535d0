"""Exact statistics of every feature over all tokens."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.domain.features import BINS
from autointerp.harvest import exact
from autointerp.harvest.bins import bin_of
from autointerp.harvest.rows import Firings


@dataclass(frozen=True, eq=False, slots=True)
class Tally:
    """Counts, exact sums, maxima and histograms, one row a feature; `add` and `merge` in any order give the same."""

    firings: NDArray[np.int64]  # (feature,)
    max: NDArray[np.float32]  # (feature,)
    histogram: NDArray[np.int64]  # (feature, BINS)
    sums: NDArray[np.int64]  # (feature, exact.SUM_CELLS)
    squares: NDArray[np.int64]  # (feature, exact.SQUARE_CELLS)

    @classmethod
    def empty(cls, features: int) -> "Tally":
        """Return the tally of no token."""
        return cls(
            firings=np.zeros(features, dtype=np.int64),
            max=np.zeros(features, dtype=np.float32),
            histogram=np.zeros((features, BINS), dtype=np.int64),
            sums=np.zeros((features, exact.SUM_CELLS), dtype=np.int64),
            squares=np.zeros((features, exact.SQUARE_CELLS), dtype=np.int64),
        )

    def add(self, firings: Firings) -> None:
        """Count these firings."""
        feature, value = firings.feature, firings.value
        _count(feature, value, self.firings, self.max, self.histogram)
        exact.add_sums(self.sums, feature, value)
        exact.add_squares(self.squares, feature, value)

    def merge(self, other: "Tally") -> None:
        """Add what another tally counted."""
        self.firings[:] += other.firings
        np.maximum(self.max, other.max, out=self.max)
        self.histogram[:] += other.histogram
        self.sums[:] += other.sums
        self.squares[:] += other.squares

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as a shard keeps them."""
        return {name: getattr(self, name) for name in ("firings", "max", "histogram", "sums", "squares")}


@compiled
def _count(
    feature: NDArray[np.int32],
    value: NDArray[np.float32],
    firings: NDArray[np.int64],
    largest: NDArray[np.float32],
    histogram: NDArray[np.int64],
) -> None:
    bits = value.view(np.uint32)
    for i in range(len(feature)):
        f = feature[i]
        firings[f] += 1
        largest[f] = max(largest[f], value[i])
        histogram[f, bin_of(bits[i])] += 1
