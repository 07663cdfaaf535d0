"""Loops that read dense pre-activations once and write down what fires."""

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled

_CHUNK = 32  # numbers that are looked at together: branchless, so that it is done for several at once
_SMALLEST = np.float32(1.401298464324817e-45)  # above zero
_ROOM = 4  # times as many candidates are kept as are wanted
_SHARE = 0.8  # of a row's k-th largest entry, from which the next row's candidates begin


@compiled
def above(
    dense: NDArray[np.float32],
    bias: NDArray[np.float32],
    floor: NDArray[np.float32],
    places: NDArray[np.int32],
    features: NDArray[np.int32],
    values: NDArray[np.float32],
) -> int:
    """Write down the entries of `dense` + `bias` that are above `floor` or NaN, and return how many there are."""
    rows, width = dense.shape
    found = 0
    for row in range(rows):
        for chunk in range(0, width, _CHUNK):
            stop = min(chunk + _CHUNK, width)
            hits = 0
            for i in range(chunk, stop):
                hits += not (dense[row, i] + bias[i] <= floor[i])
            if hits:
                for i in range(chunk, stop):
                    value = dense[row, i] + bias[i]
                    if not (value <= floor[i]):
                        places[found] = row
                        features[found] = i
                        values[found] = value
                        found += 1
    return found


@compiled
def _raised(near: NDArray[np.float32], where: NDArray[np.int32], kept: int, k: int) -> tuple[np.float32, int]:
    """Leave out the candidates below the k-th largest; return that one, and how many are left."""
    floor = np.partition(near[:kept], kept - k)[kept - k]
    left = 0
    for i in range(kept):
        if not (near[i] < floor):
            near[left] = near[i]
            where[left] = where[i]
            left += 1
    return floor, left


@compiled
def _numbers(near: NDArray[np.float32], kept: int) -> bool:
    count = 0
    for i in range(kept):
        count += near[i] == near[i]  # NaN is not
    return count == kept


@compiled
def _candidates(
    line: NDArray[np.float32],
    bias: NDArray[np.float32],
    norm: NDArray[np.float32],
    k: int,
    floor: np.float32,
    near: NDArray[np.float32],
    where: NDArray[np.int32],
) -> int:
    """Collect the entries of a row that are not below `floor`, which rises to the k-th largest of those seen so far
    each time that there is no more room; return how many are left, which is more than there is room for where too many
    are equal or NaN."""
    width, room, kept = len(line), len(near) - _CHUNK, 0
    whole = width // _CHUNK
    for chunk in range(-(-width // _CHUNK)):
        first = chunk * _CHUNK
        hit = np.uint32(chunk == whole)
        if chunk < whole:
            for j in range(_CHUNK):
                hit |= np.uint32(not ((line[first + j] + bias[first + j]) * norm[first + j] < floor))
        if not hit:
            continue
        for i in range(first, min(first + _CHUNK, width)):
            value = (line[i] + bias[i]) * norm[i]
            if not (value < floor):
                near[kept] = value
                where[kept] = i
                kept += 1
        if kept > room:
            floor, kept = _raised(near, where, kept, k)
            if kept > room:
                break
    return kept


@compiled
def largest(
    dense: NDArray[np.float32],
    bias: NDArray[np.float32],
    norm: NDArray[np.float32],
    k: int,
    features: NDArray[np.int32],
    values: NDArray[np.float32],
) -> NDArray[np.int32]:
    """Write down the `k` largest positive entries of each row of (`dense` + `bias`) * `norm`, in order, from the row's
    place `k * row` on, and return how many each row has.

    -1: the row holds a NaN, or the last place is shared by equal entries, so that which of them fire is for others to
    say. The k-th largest of a row is a guide to that of the next; where it leaves too few, the row is read again.
    """
    near, where = np.empty(_ROOM * k + _CHUNK, np.float32), np.empty(_ROOM * k + _CHUNK, np.int32)
    counts = np.empty(len(dense), np.int32)
    guess = _SMALLEST
    for row in range(len(dense)):
        kept = _candidates(dense[row], bias, norm, k, guess, near, where)
        if kept < k and guess > _SMALLEST:
            kept = _candidates(dense[row], bias, norm, k, _SMALLEST, near, where)
        last = _SMALLEST
        if kept >= k:
            last, kept = _raised(near, where, kept, k)
        counts[row] = kept if kept <= k and _numbers(near, kept) else -1
        guess = max(_SMALLEST, np.float32(_SHARE * last)) if counts[row] >= 0 else _SMALLEST
        for i in range(max(0, counts[row])):
            features[k * row + i] = where[i]
            values[k * row + i] = near[i]
    return counts
