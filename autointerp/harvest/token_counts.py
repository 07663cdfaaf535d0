"""How often, and how strongly, each feature fires on each token.

The counts of a feature are exact while it fires on few enough distinct tokens: each feature has its share of
`CAPACITY` entries. Beyond that, only its firings in a quarter of the segments are counted, then in a quarter of those,
and so on, and counts are scaled up. Which segments stay is fixed by their hash, and the table is kept by level, so that
what remains never depends on when the table was thinned.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.harvest.ragged import offsets_of
from autointerp.harvest.rows import Firings, Page
from autointerp.harvest.token_table import LEVEL_BITS, UNIT, added, merged, pack, thinned, unpacked

CAPACITY = 1 << 22  # entries of 24 bytes
_LEAST = 64  # entries of a feature, however many features there are
_VALUE_BITS = 24
_PENDING = 1 << 16
_PENDING_OF_A_FEATURE = 256


@dataclass(frozen=True, eq=False, slots=True)
class TopTokens:
    """Tokens of some features, largest summed activation first, with how often and how strongly the feature fires on
    them: those of feature i from `offsets[i]` to `offsets[i+1]`."""

    offsets: NDArray[np.int64]
    token: NDArray[np.int32]
    count: NDArray[np.int64]
    mean: NDArray[np.float64]


def share(features: int) -> int:
    """Return how many entries each of an SAE's features may have."""
    return max(_LEAST, CAPACITY // features)


class TokenCounts:
    """A table of (feature, token, level) with counts and summed activations, ordered by key."""

    def __init__(self, features: int, vocabulary: int, *, most: int) -> None:
        """Keep at most `most` entries of a feature."""
        self.vocabulary = vocabulary
        self.most = most
        self.key: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self.count: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.total: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.lowest: NDArray[np.int64] = np.zeros(features, dtype=np.int64)
        key_bits = (features * vocabulary).bit_length() + LEVEL_BITS
        self._value_bits = min(_VALUE_BITS, 64 - key_bits)
        self._pending: list[NDArray[np.uint64]] = []
        self._waiting = 0
        self._most_pending = max(_PENDING, _PENDING_OF_A_FEATURE * features)

    def add(self, firings: Firings, page: Page) -> None:
        """Count these firings."""
        packed = pack(
            firings.feature,
            firings.place,
            firings.value,
            page.tokens,
            page.mixed,
            self.lowest,
            self.vocabulary,
            self._value_bits,
        )
        self._pending.append(packed)
        self._waiting += len(packed)
        if self._waiting > self._most_pending:
            self.settle()

    def merge(self, other: "TokenCounts") -> None:
        """Add what another table counted."""
        self.settle()
        other.settle()
        self.lowest[:] = np.maximum(self.lowest, other.lowest)
        self._insert(other.key, other.count, other.total)

    def settle(self) -> None:
        """Bring what waits into the table."""
        if not self._pending:
            return
        packed = np.concatenate(self._pending)
        packed.sort()
        self._pending, self._waiting = [], 0
        self._insert(*unpacked(packed, self._value_bits))

    def _insert(self, key: NDArray[np.uint64], count: NDArray[np.int64], total: NDArray[np.int64]) -> None:
        table = merged(self.key, self.count, self.total, key, count, total)
        self.key, self.count, self.total = thinned(*table, self.lowest, self.vocabulary, self.most)

    def top(self, first: int, last: int, k: int) -> "TopTokens":
        """Return the `k` tokens with the largest summed activation of each of the features `first` to `last` - 1."""
        self.settle()
        low, high = (np.uint64((f * self.vocabulary) << LEVEL_BITS) for f in (first, last))
        part = slice(*np.searchsorted(self.key, np.array([low, high])).tolist())
        counts, token, count, total = _strongest(
            self.key[part] >> np.uint64(LEVEL_BITS),
            self.count[part],
            self.total[part],
            first,
            last,
            k,
            self.vocabulary,
        )
        return TopTokens(
            offsets=offsets_of(counts),
            token=token,
            count=count << np.repeat(2 * self.lowest[first:last], counts),
            mean=total / UNIT / count,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table's arrays by name, as a shard keeps them."""
        self.settle()
        return {"key": self.key, "count": self.count, "total": self.total, "lowest": self.lowest}

    def load(self, arrays: dict[str, NDArray[Any]]) -> "TokenCounts":
        """Take over what `arrays` returned."""
        self.key, self.count, self.total = (np.asarray(arrays[name]) for name in ("key", "count", "total"))
        self.lowest = np.array(arrays["lowest"], dtype=np.int64)
        return self


@compiled
def _strongest(
    pair: NDArray[np.uint64],
    count: NDArray[np.int64],
    total: NDArray[np.int64],
    first: int,
    last: int,
    k: int,
    vocabulary: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return how many tokens features `first` to `last` - 1 have among their `k` of largest total, and for each of
    these the token, its count and its total; of equal totals the larger count comes first, then the lower token.

    `pair` is feature * vocabulary + token, in order, once for each level.
    """
    counts = np.zeros(last - first, np.int64)
    tokens = np.empty((last - first) * k, np.int32)
    of = np.empty(len(tokens), np.int64)
    totals = np.empty(len(tokens), np.int64)
    begin, entry = 0, 0
    for row in range(last - first):
        base = np.uint64((first + row) * vocabulary)
        held = 0
        while entry < len(pair) and pair[entry] < base + np.uint64(vocabulary):
            here, seen, summed = pair[entry], np.int64(0), np.int64(0)
            while entry < len(pair) and pair[entry] == here:
                seen, summed, entry = seen + count[entry], added(summed, total[entry]), entry + 1
            at = held
            while at > 0 and (
                totals[begin + at - 1] < summed or (totals[begin + at - 1] == summed and of[begin + at - 1] < seen)
            ):
                at -= 1
            if at == k:
                continue
            held = min(held + 1, k)
            for place in range(begin + held - 1, begin + at, -1):
                tokens[place], of[place], totals[place] = tokens[place - 1], of[place - 1], totals[place - 1]
            tokens[begin + at], of[begin + at], totals[begin + at] = np.int32(here - base), seen, summed
        counts[row] = held
        begin += held
    return counts, tokens[:begin], of[:begin], totals[:begin]
