"""The choosing of silent examples, feature by feature, compiled: it looks at every window of the pool for each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled

Ragged = tuple[NDArray[np.int64], NDArray[np.int32]]


@compiled
def choose(
    features: NDArray[np.int64],
    split: NDArray[np.uint8],
    by_split: Ragged,
    keys: NDArray[np.uint64],
    fired: Ragged,
    barred: Ragged,
    held: Ragged,
    tokens: Ragged,
    neighbours: NDArray[np.int32],
    similarity: NDArray[np.float32],
    sizes: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]:
    """Return how many windows each (feature, split) has, and the windows and their kinds (columns of `sizes`).

    `by_split`, `fired` and `held` are windows by split, feature and token; `barred` windows and `tokens` by row of
    `features`.
    """
    splits, kinds = sizes.shape
    counts = np.zeros((len(features), splits), np.int64)
    windows = np.empty(len(features) * sizes.sum(), np.int32)
    kind_of = np.empty(len(windows), np.uint8)
    closed = np.zeros(len(split), np.int32)  # the row (from 1) for which a window is not free
    free = np.empty(len(split), np.int32)
    found = np.empty((kinds, splits, max(1, sizes.max())), np.int32)
    filled = np.zeros((kinds, splits), np.int64)
    used = 0
    for row in range(len(features)):
        key, mark = keys[features[row]], np.int32(row + 1)
        filled[:] = 0
        for window in _part(fired, features[row]):
            closed[window] = mark
        for window in _part(barred, row):
            closed[window] = mark
        _draw(key, mark, by_split, closed, free, found[0], filled[0], sizes[:, 0])
        _take_turns(key, mark, _part(tokens, row), held, split, closed, found[1], filled[1], sizes[:, 1])
        _take_turns(key, mark, neighbours[row], fired, split, closed, found[2], filled[2], sizes[:, 2])
        if similarity.shape[1] == len(split):
            _take_most(similarity[row], mark, split, closed, found[3], filled[3], sizes[:, 3])
        for number in range(splits):
            counts[row, number] = filled[:, number].sum()
            for kind in range(kinds):
                for window in found[kind, number, : filled[kind, number]]:
                    windows[used], kind_of[used] = window, kind
                    used += 1
    return counts, windows[:used].copy(), kind_of[:used].copy()


@compiled
def _part(lists: Ragged, key: int) -> NDArray[np.int32]:
    return lists[1][lists[0][key] : lists[0][key + 1]]


@compiled
def _mixed(value: np.uint64) -> np.uint64:
    """What `chance.scramble` does, for one value."""
    value = value ^ (value >> np.uint64(30))
    value = value * np.uint64(0xBF58476D1CE4E5B9)
    value = value ^ (value >> np.uint64(27))
    value = value * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@compiled
def _draw(
    key: Any,
    mark: Any,
    by_split: Ragged,
    closed: NDArray[np.int32],
    free: NDArray[np.int32],
    found: NDArray[np.int32],
    filled: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> None:
    """Draw a uniform sample of the free windows of each split, without replacement (Fisher and Yates 1938)."""
    for number in range(len(sizes)):
        count = 0
        for window in _part(by_split, number):
            free[count] = window
            count += closed[window] != mark
        for drawn in range(min(sizes[number], count)):
            chance = _mixed(key ^ _mixed(np.uint64(drawn * len(sizes) + number + 1)))
            other = drawn + np.int64(chance % np.uint64(count - drawn))
            free[drawn], free[other] = free[other], free[drawn]
            found[number, drawn] = free[drawn]
            closed[free[drawn]] = mark
        filled[number] = min(sizes[number], count)


@compiled
def _take_turns(
    key: Any,
    mark: Any,
    names: NDArray[np.int32],
    lists: Ragged,
    split: NDArray[np.uint8],
    closed: NDArray[np.int32],
    found: NDArray[np.int32],
    filled: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> None:
    """Take a free window of each split from the list of each of `names` in turn, until there are enough or none.

    A list is in the pool's order, which is random; where in it to begin depends on the feature and on the name. A
    name that is negative, or has no list, stands for nothing.
    """
    offsets, windows = lists
    met = np.empty(len(names), np.int64)
    for number in range(len(sizes)):
        met[:] = 0
        taken = 1
        while taken > 0 and filled[number] < sizes[number]:
            taken = 0
            for place in range(len(names)):
                name = names[place]
                if name < 0 or name + 1 >= len(offsets) or offsets[name] == offsets[name + 1]:
                    continue
                count = offsets[name + 1] - offsets[name]
                begin = np.int64(_mixed(key ^ _mixed(np.uint64(name))) % np.uint64(count))
                while met[place] < count and filled[number] < sizes[number]:
                    window = windows[offsets[name] + (begin + met[place]) % count]
                    met[place] += 1
                    if split[window] == number and closed[window] != mark:
                        closed[window] = mark
                        found[number, filled[number]] = window
                        filled[number] += 1
                        taken += 1
                        break


@compiled
def _take_most(
    similarity: NDArray[np.float32],
    mark: Any,
    split: NDArray[np.uint8],
    closed: NDArray[np.int32],
    found: NDArray[np.int32],
    filled: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> None:
    """Take the free windows of highest similarity in each split, highest first; of equals the first in the pool."""
    for window in range(len(split)):
        number = split[window]
        held, most = filled[number], sizes[number]
        if closed[window] == mark or most == 0:
            continue
        if held == most and similarity[window] <= similarity[found[number, most - 1]]:
            continue
        at = min(held, most - 1)
        while at > 0 and similarity[found[number, at - 1]] < similarity[window]:
            found[number, at] = found[number, at - 1]
            at -= 1
        found[number, at] = window
        filled[number] = min(held + 1, most)
