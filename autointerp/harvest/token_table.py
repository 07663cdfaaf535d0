"""The loops behind the table of (feature, token, level): packing firings, merging sorted tables, and thinning them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled

LEVEL_BITS = 4
LEVELS = 1 << LEVEL_BITS
UNIT = 2.0**24  # activations are summed in units of 2**-24
_LARGEST = 2.0**24
_MOST = 2**63 - 1

Table = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]  # key, count, total


@compiled
def pack(
    feature: NDArray[np.int32],
    place: NDArray[np.int32],
    value: NDArray[np.float32],
    tokens: NDArray[np.int32],
    mixed: NDArray[np.uint64],
    lowest: NDArray[np.int64],
    vocabulary: int,
    value_bits: int,
) -> NDArray[np.uint64]:
    """Return (feature, token, level, value) of the firings whose level reaches their feature's `lowest`.

    The value rides in the low bits of the key, as its exponent and the first 16 bits or so of its mantissa, so that
    one sort of plain integers orders both and a mean is exact to a part in 2**14 or better.
    """
    bits = value.view(np.uint32)
    packed = np.empty(len(feature), dtype=np.uint64)
    found = 0
    for i in range(len(feature)):
        level = level_of(mixed[place[i]])
        if level < lowest[feature[i]]:
            continue
        pair = np.uint64(feature[i]) * np.uint64(vocabulary) + np.uint64(tokens[place[i]])
        key = (pair << np.uint64(LEVEL_BITS)) | np.uint64(level)
        packed[found] = (key << np.uint64(value_bits)) | (np.uint64(bits[i]) >> np.uint64(31 - value_bits))
        found += 1
    return packed[:found].copy()


@compiled
def added(total: Any, other: Any) -> Any:
    """Add two sums; one that is too large stays the largest there is, whatever the order."""
    return total + min(other, _MOST - total)


@compiled
def level_of(mixed: Any) -> int:
    """Return the level of a scrambled segment: level l or higher for one in 4**l."""
    level = 0
    while level < LEVELS - 1 and not (mixed >> np.uint64(62 - 2 * level)):
        level += 1
    return level


@compiled
def unpacked(packed: NDArray[np.uint64], value_bits: int) -> Table:
    """Add up what `pack` returned, sorted, by key."""
    key = np.empty(len(packed), dtype=np.uint64)
    count, total = np.empty(len(packed), dtype=np.int64), np.empty(len(packed), dtype=np.int64)
    bits = ((packed & np.uint64((1 << value_bits) - 1)) << np.uint64(31 - value_bits)).astype(np.uint32)
    value = bits.view(np.float32)
    last = -1
    for i in range(len(packed)):
        here = packed[i] >> np.uint64(value_bits)
        if last < 0 or key[last] != here:
            last += 1
            key[last], count[last], total[last] = here, 0, 0
        count[last] += 1
        total[last] = added(total[last], np.int64(np.rint(min(np.float64(value[i]), _LARGEST) * UNIT)))
    return key[: last + 1].copy(), count[: last + 1].copy(), total[: last + 1].copy()


@compiled
def merged(
    key: NDArray[np.uint64],
    count: NDArray[np.int64],
    total: NDArray[np.int64],
    other_key: NDArray[np.uint64],
    other_count: NDArray[np.int64],
    other_total: NDArray[np.int64],
) -> Table:
    """Merge two tables ordered by key, and add up the entries of equal keys."""
    size = len(key) + len(other_key)
    keys = np.empty(size, dtype=np.uint64)
    counts, totals = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    i, j, found = 0, 0, 0
    while i < len(key) or j < len(other_key):
        mine = j == len(other_key) or (i < len(key) and key[i] <= other_key[j])
        theirs = i == len(key) or (j < len(other_key) and other_key[j] <= key[i])
        keys[found] = key[i] if mine else other_key[j]
        counts[found], totals[found] = 0, 0
        if mine:
            counts[found] += count[i]
            totals[found] = total[i]
            i += 1
        if theirs:
            counts[found] += other_count[j]
            totals[found] = added(totals[found], other_total[j])
            j += 1
        found += 1
    return keys[:found], counts[:found], totals[:found]


@compiled
def thinned(
    key: NDArray[np.uint64],
    count: NDArray[np.int64],
    total: NDArray[np.int64],
    lowest: NDArray[np.int64],
    vocabulary: int,
    most: int,
) -> Table:
    """Raise each feature's `lowest` level, in place, until at most `most` of its entries reach it; drop the others.

    What a feature keeps is fixed by all its entries: more of them never lower its level.
    """
    span = np.uint64(vocabulary << LEVEL_BITS)
    of_level = np.zeros(LEVELS, dtype=np.int64)
    start, kept = 0, 0
    while start < len(key):
        feature = np.int64(key[start] // span)
        end = np.uint64(feature + 1) * span
        of_level[:] = 0
        stop = start
        while stop < len(key) and key[stop] < end:
            of_level[key[stop] & np.uint64(LEVELS - 1)] += 1
            stop += 1
        above = of_level[lowest[feature] :].sum()
        while above > most and lowest[feature] < LEVELS - 1:
            above -= of_level[lowest[feature]]
            lowest[feature] += 1
        for i in range(start, stop):
            if np.int64(key[i] & np.uint64(LEVELS - 1)) >= lowest[feature]:
                key[kept], count[kept], total[kept] = key[i], count[i], total[i]
                kept += 1
        start = stop
    return key[:kept].copy(), count[:kept].copy(), total[:kept].copy()
