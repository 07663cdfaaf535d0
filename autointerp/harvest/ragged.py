"""Lists of different lengths held in one array."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled


def offsets_of(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the n+1 offsets of lists with these lengths."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def ranges(first: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return first[0], first[0]+1, … (counts[0] of them), then those of first[1], and so on."""
    offsets = offsets_of(counts)
    return np.repeat(first.astype(np.int64) - offsets[:-1], counts) + np.arange(offsets[-1])


def pick(values: NDArray[Any], counts: NDArray[np.integer], index: NDArray[np.int64]) -> NDArray[Any]:
    """Return lists number index[0], index[1], … of the lists in `values`, which have these `counts`."""
    return _pick(values, offsets_of(counts), index, int(counts[index].sum()))


@compiled
def _pick(values: NDArray[Any], offsets: NDArray[np.int64], index: NDArray[np.int64], size: int) -> NDArray[Any]:
    found = np.empty(size, dtype=values.dtype)
    at = 0
    for i in index:
        for place in range(offsets[i], offsets[i + 1]):
            found[at] = values[place]
            at += 1
    return found


def run_starts(*sorted_keys: NDArray[Any]) -> NDArray[np.int64]:
    """Return where runs of equal keys begin."""
    size = len(sorted_keys[0])
    changes = np.zeros(size, dtype=np.bool_)
    changes[:1] = True
    for keys in sorted_keys:
        changes[1:] |= keys[1:] != keys[:-1]
    return np.flatnonzero(changes)


def ranks(starts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return each item's position in its run, for runs that begin at `starts`."""
    return np.arange(size) - np.repeat(starts, np.diff(starts, append=size))
