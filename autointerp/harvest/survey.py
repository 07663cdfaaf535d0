"""Which firings of one page are peaks that can still matter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.domain.features import BINS
from autointerp.harvest.bins import bin_of
from autointerp.harvest.chance import scramble_one
from autointerp.harvest.rows import Firings, Page
from autointerp.harvest.split import SPLITS

_SPLITS = len(SPLITS)
_ANY = np.uint64(2**64 - 1)


@dataclass(frozen=True, eq=False, slots=True)
class Floors:
    """What a peak must reach to be a candidate, one entry a slot (feature and split), of `bin` one a slot and bin.

    `top` is the least activation, `all` and `bin` the highest priority. A list that is not full asks for nothing.
    """

    top: NDArray[np.float32]
    all: NDArray[np.uint64]
    bin: NDArray[np.uint64]

    @classmethod
    def of(
        cls, top: NDArray[np.int64], everything: NDArray[np.int64], bins: NDArray[np.int64], features: int
    ) -> "Floors":
        """Return the floors of empty lists, with these limits for each split; a limit of 0 asks for the impossible."""
        return cls(
            top=np.tile(np.where(top > 0, np.float32(0), np.float32(np.inf)), features),
            all=np.tile(np.where(everything > 0, _ANY, np.uint64(0)), features),
            bin=np.repeat(np.tile(np.where(bins > 0, _ANY, np.uint64(0)), features), BINS),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """Candidates of one page: `at` is the index of the firing, `first` and `last` those of the firings of the same
    feature in its window (last plus one). `best`: the strongest of its slot in its row; of equals, the one of lowest
    priority."""

    at: NDArray[np.int32]
    best: NDArray[np.bool_]
    priority: NDArray[np.uint64]
    first: NDArray[np.int32]
    last: NDArray[np.int32]


def survey(firings: Firings, page: Page, keys: NDArray[np.uint64], floors: Floors, *, apart: bool) -> Found:
    """Find the candidates among `firings`, which are in the order of features and then of places.

    A peak is the first of the strongest firings of a feature in a segment. With `apart`, a peak is left out where a
    stronger firing of its feature stands in its window.
    """
    return Found(
        *_survey(
            firings.feature,
            firings.place,
            firings.value,
            page.context,
            page.segment,
            page.mixed,
            page.split,
            page.start,
            page.stop,
            keys,
            floors.top,
            floors.all,
            floors.bin,
            apart,
        )
    )


@compiled
def _survey(
    feature: NDArray[np.int32],
    place: NDArray[np.int32],
    value: NDArray[np.float32],
    context: int,
    segment: NDArray[np.int64],
    mixed: NDArray[np.uint64],
    split: NDArray[np.uint8],
    start: NDArray[np.int32],
    stop: NDArray[np.int32],
    keys: NDArray[np.uint64],
    top_floor: NDArray[np.float32],
    all_floor: NDArray[np.uint64],
    bin_floor: NDArray[np.uint64],
    apart: bool,
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
    size = len(feature)
    bits = value.view(np.uint32)
    at, best = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.bool_)
    priority = np.empty(size, dtype=np.uint64)
    first, last = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    peaks, drawn = np.empty(context, dtype=np.int64), np.empty(context, dtype=np.uint64)
    highest, lowest = np.empty(_SPLITS, dtype=np.float32), np.empty(_SPLITS, dtype=np.uint64)
    found, low = 0, 0
    while low < size:
        # One feature in one row of the corpus.
        f, row = feature[low], place[low] // context
        highest[:], lowest[:] = 0, _ANY
        count, high = 0, low
        while high < size and feature[high] == f and place[high] // context == row:
            peak, here = high, segment[place[high]]
            while high < size and feature[high] == f and segment[place[high]] == here:
                if value[high] > value[peak]:
                    peak = high
                high += 1
            peaks[count], drawn[count] = peak, scramble_one(mixed[place[peak]] ^ keys[f])
            s = split[place[peak]]
            if value[peak] > highest[s] or (value[peak] == highest[s] and drawn[count] < lowest[s]):
                highest[s], lowest[s] = value[peak], drawn[count]
            count += 1
        if apart:
            count = _apart(place, value, split, start, stop, low, high, peaks, drawn, count, highest, lowest)
        for i in range(count):
            peak = peaks[i]
            p, s = place[peak], split[place[peak]]
            slot = np.int64(f) * _SPLITS + s
            is_best = value[peak] == highest[s] and drawn[i] == lowest[s]
            if not (
                (is_best and value[peak] >= top_floor[slot])
                or drawn[i] <= all_floor[slot]
                or drawn[i] <= bin_floor[slot * BINS + bin_of(bits[peak])]
            ):
                continue
            begin, end, alone = peak, peak + 1, True
            while begin > low and place[begin - 1] >= start[p]:
                begin -= 1
                alone = alone and value[begin] <= value[peak]
            while end < high and place[end] < stop[p]:
                alone = alone and value[end] <= value[peak]
                end += 1
            if apart and not alone:
                continue
            at[found], best[found], priority[found] = peak, is_best, drawn[i]
            first[found], last[found] = begin, end
            found += 1
        low = high
    return at[:found], best[:found], priority[:found], first[:found], last[:found]


@compiled
def _apart(
    place: NDArray[np.int32],
    value: NDArray[np.float32],
    split: NDArray[np.uint8],
    start: NDArray[np.int32],
    stop: NDArray[np.int32],
    low: int,
    high: int,
    peaks: NDArray[np.int64],
    drawn: NDArray[np.uint64],
    count: int,
    highest: NDArray[np.float32],
    lowest: NDArray[np.uint64],
) -> int:
    """Leave out the peaks that outdo the others of their split but stand beside a stronger firing, until none does.

    Such a firing is no peak of this split: another document, of another split, outdoes it in its segment. Returns how
    many peaks are left, which come first then; `highest` and `lowest` are those of them.
    """
    tallest = highest.max()
    for s in range(_SPLITS):
        while 0 < highest[s] < tallest:
            best = 0
            while split[place[peaks[best]]] != s or value[peaks[best]] != highest[s] or drawn[best] != lowest[s]:
                best += 1
            p, alone = place[peaks[best]], True
            for i in range(low, high):
                if start[p] <= place[i] < stop[p] and value[i] > highest[s]:
                    alone = False
            if alone:
                break
            count -= 1
            highest[s], lowest[s] = 0, _ANY
            for i in range(count):
                if i >= best:
                    peaks[i], drawn[i] = peaks[i + 1], drawn[i + 1]
                peak = peaks[i]
                if split[place[peak]] == s and (
                    value[peak] > highest[s] or (value[peak] == highest[s] and drawn[i] < lowest[s])
                ):
                    highest[s], lowest[s] = value[peak], drawn[i]
    return count
