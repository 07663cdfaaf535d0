"""How often, and how strongly, each feature fires on each token.

Counts are exact while the table of (feature, token) pairs fits `CAPACITY` entries, which the number of features times
the number of distinct tokens bounds. Beyond that, only the firings in a sixteenth of the segments are counted, then in
a sixteenth of those, and so on, and counts are scaled up. Which segments stay is fixed by their hash, and the table is
kept by level, so that what remains never depends on when the table was thinned.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest.ragged import ranks, run_starts
from autointerp.harvest.rows import Firings, Page

CAPACITY = 1 << 25
_LEVEL_BITS = 4
_LEVELS = 1 << _LEVEL_BITS
_VALUE_BITS = 24
_UNIT = 2.0**24  # activations are summed in units of 2**-24
_LARGEST = 2.0**24
_PENDING = 1 << 20


class TokenCounts:
    """A table of (feature, token, level) with counts and summed activations, ordered by key."""

    def __init__(self, features: int, vocabulary: int, capacity: int = CAPACITY) -> None:
        self.vocabulary = vocabulary
        self.capacity = capacity
        self.key: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self.count: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.total: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.level = 0
        key_bits = (features * vocabulary).bit_length() + _LEVEL_BITS
        self._value_bits = min(_VALUE_BITS, 64 - key_bits)
        self._pending: list[NDArray[np.uint64]] = []
        self._waiting = 0

    def add(self, firings: Firings, page: Page) -> None:
        """Count these firings."""
        levels = _levels(page.mixed)[firings.place]
        pair = firings.feature.astype(np.uint64) * np.uint64(self.vocabulary) + page.tokens[firings.place].astype(
            np.uint64
        )
        key = pair << np.uint64(_LEVEL_BITS) | levels
        # The value rides in the low bits of the key, as its exponent and the first 16 bits of its mantissa, so that one
        # sort of plain integers orders both and a mean is exact to a part in 2**16.
        value = firings.value.view(np.uint32).astype(np.uint64) >> np.uint64(31 - self._value_bits)
        self._pending.append(key << np.uint64(self._value_bits) | value)
        self._waiting += len(key)
        if self._waiting > max(_PENDING, len(self.key)):
            self.settle()

    def merge(self, other: "TokenCounts") -> None:
        """Add what another table counted."""
        self.settle()
        other.settle()
        self.level = max(self.level, other.level)
        self._insert(other.key, other.count, other.total)

    def settle(self) -> None:
        """Bring what waits into the table."""
        if not self._pending:
            return
        packed = np.sort(np.concatenate(self._pending))
        self._pending, self._waiting = [], 0
        bits = (packed & np.uint64((1 << self._value_bits) - 1)) << np.uint64(31 - self._value_bits)
        value = np.minimum(bits.astype(np.uint32).view(np.float32), np.float32(_LARGEST)).astype(np.float64)
        self._insert(
            packed >> np.uint64(self._value_bits),
            np.ones(len(packed), dtype=np.int64),
            np.rint(value * _UNIT).astype(np.int64),
        )

    def _insert(self, key: NDArray[np.uint64], count: NDArray[np.int64], total: NDArray[np.int64]) -> None:
        key, count, total = _summed(key, count, total)
        merged = np.concatenate([self.key, key])
        order = np.argsort(merged, kind="stable")
        self.key, self.count, self.total = _summed(
            merged[order],
            np.concatenate([self.count, count])[order],
            np.concatenate([self.total, total])[order],
        )
        self._thin()

    def _thin(self) -> None:
        """Keep the lowest level, and those above it, that fit the capacity."""
        levels = (self.key & np.uint64(_LEVELS - 1)).astype(np.int64)
        above = np.cumsum(np.bincount(levels, minlength=_LEVELS)[::-1])[::-1]
        fitting = np.flatnonzero(above <= self.capacity)
        # Once thinned, the lower levels are incomplete for good.
        self.level = max(self.level, int(fitting[0]) if len(fitting) else _LEVELS - 1)
        if self.level:
            keep = levels >= self.level
            self.key, self.count, self.total = self.key[keep], self.count[keep], self.total[keep]

    def top(self, first: int, last: int, k: int) -> list[list[tuple[int, int, float]]]:
        """Return (token, count, mean activation) of the `k` tokens with the largest summed activation, for each of the
        features `first` to `last` - 1, largest first."""
        self.settle()
        low, high = (np.uint64((f * self.vocabulary) << _LEVEL_BITS) for f in (first, last))
        part = slice(*np.searchsorted(self.key, np.array([low, high])).tolist())
        pair, count, total = _summed(self.key[part] >> np.uint64(_LEVEL_BITS), self.count[part], self.total[part])
        feature = (pair // np.uint64(self.vocabulary)).astype(np.int64)
        token = (pair % np.uint64(self.vocabulary)).astype(np.int64)
        order = np.lexsort((token, -count, -total, feature))
        order = order[ranks(run_starts(feature[order]), len(order)) < k]
        found: list[list[tuple[int, int, float]]] = [[] for _ in range(first, last)]
        scale = _LEVELS**self.level
        for i in order.tolist():
            mean = float(total[i]) / _UNIT / float(count[i])
            found[int(feature[i]) - first].append((int(token[i]), int(count[i]) * scale, mean))
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table's arrays by name, as a shard keeps them."""
        self.settle()
        return {"key": self.key, "count": self.count, "total": self.total, "level": np.array([self.level])}

    def load(self, arrays: dict[str, NDArray[Any]]) -> "TokenCounts":
        """Take over what `arrays` returned."""
        self.key, self.count, self.total = (np.asarray(arrays[name]) for name in ("key", "count", "total"))
        self.level = int(np.asarray(arrays["level"])[0])
        return self


def _levels(mixed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a level for each scrambled segment: level l or higher for one in 16**l."""
    levels = np.zeros(len(mixed), dtype=np.uint64)
    for level in range(1, _LEVELS):
        levels += (mixed >> np.uint64(64 - 4 * level)) == 0
    return levels


def _summed(
    key: NDArray[np.uint64], count: NDArray[np.int64], total: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Add up the entries of equal keys, in sorted order."""
    if len(key) == 0:
        return key, count, total
    starts = run_starts(key)
    return key[starts], np.add.reduceat(count, starts), np.add.reduceat(total, starts)
