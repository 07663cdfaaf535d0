"""Lists turned around: which positions hold each key."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled


@dataclass(frozen=True, eq=False, slots=True)
class Index:
    """Which positions belong to each key: to key k, `positions[offsets[k]:offsets[k+1]]`, in ascending order."""

    offsets: NDArray[np.int64]
    positions: NDArray[np.int32]

    @classmethod
    def of(cls, keys: NDArray[np.integer], counts: NDArray[np.integer], size: int) -> "Index":
        """Turn lists of keys (below `size`) around: position i has the `counts[i]` next ones of `keys`."""
        return cls(*_turned(np.asarray(keys), np.asarray(counts), size))

    def __getitem__(self, key: int) -> NDArray[np.int32]:
        return self.positions[self.offsets[key] : self.offsets[key + 1]]


@compiled
def _turned(
    keys: NDArray[np.integer], counts: NDArray[np.integer], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Sort positions by key, by counting."""
    offsets = np.zeros(size + 1, np.int64)
    for key in keys:
        offsets[key + 1] += 1
    offsets = np.cumsum(offsets)
    ends = offsets[:-1].copy()
    positions = np.empty(len(keys), np.int32)
    at = 0
    for position in range(len(counts)):
        for key in keys[at : at + counts[position]]:
            positions[ends[key]] = position
            ends[key] += 1
        at += counts[position]
    return offsets, positions
