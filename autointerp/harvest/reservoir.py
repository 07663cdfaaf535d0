"""The candidates of one SAE: top lists and uniform samples of every feature and split, in bounded memory.

Three bounded lists share the candidates. All three are kept by `keep_first`, so they do not depend on the order in
which peaks come, and candidates that are on none of them are dropped.

- top: the strongest, one of each row, ties by priority;
- all: the lowest priorities of a feature and split, a uniform sample of all its peaks, from which quantiles are cut;
- bin: the lowest priorities in each quarter-octave bin, from which intervals are cut.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.features import BINS
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.bins import bins_of
from autointerp.harvest.candidates import Candidates, as_float16
from autointerp.harvest.chance import feature_keys, priorities
from autointerp.harvest.keep import keep_first, stable_order
from autointerp.harvest.ragged import ranges
from autointerp.harvest.rows import Firings, Page, peaks
from autointerp.harvest.split import SPLITS

_PENDING = 1 << 17
_ANY = np.uint64(2**64 - 1)
# More is kept than is shown: folding one text over splits, or an interval that takes a part of a bin, costs some.
_SPARE = 2
_SPARE_IN_BINS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Limits:
    """How many candidates each list keeps, one entry a split, and how peaks are chosen.

    `apart`: a peak is left out where a stronger token stands in its window, so that an example's group is that of its
    strongest token. It is off where segments are shorter than windows, which means sampling tokens (Bricken et al.).
    """

    top: NDArray[np.int64]
    all: NDArray[np.int64]
    bin: NDArray[np.int64]
    apart: bool

    @classmethod
    def of(cls, spec: HarvestSpec) -> "Limits":
        """Return the limits that serve the sizes of `spec`."""
        sizes = [spec.sizes[split] for split in SPLITS]
        return cls(
            top=np.array([_SPARE * size.top for size in sizes]),
            all=np.array([_SPARE * spec.quantiles * size.per_quantile for size in sizes]),
            bin=np.array([_SPARE_IN_BINS * size.per_interval for size in sizes]),
            apart=spec.segment >= spec.window,
        )


@dataclass(frozen=True, eq=False, slots=True)
class Lists:
    """The three lists over some candidates, as indices into them, and the last one of each full group."""

    top: NDArray[np.int64]
    top_last: NDArray[np.int64]
    all: NDArray[np.int64]
    all_last: NDArray[np.int64]
    bin: NDArray[np.int64]
    bin_last: NDArray[np.int64]


def lists_of(found: Candidates, limits: Limits) -> Lists:
    """Return the three lists over `found`."""
    split, bin_slot = found.slot % len(SPLITS), found.slot.astype(np.int64) * BINS + found.bin
    largest = int(found.slot.max(initial=0))
    by_priority = np.argsort(found.priority)
    by_slot = stable_order(by_priority, found.slot, largest)
    by_bin = stable_order(by_priority, bin_slot, (largest + 1) * BINS)
    best = np.flatnonzero(found.best)
    by_value = best[np.lexsort((found.priority[best], -found.value[best], found.slot[best]))]
    return Lists(
        *keep_first(by_value, found.slot, found.text, limits.top[split]),
        *keep_first(by_slot, found.slot, found.text, limits.all[split]),
        *keep_first(by_bin, bin_slot, found.text, limits.bin[split]),
    )


class Reservoir:
    """Takes pages of firings and keeps the candidates that can still matter."""

    def __init__(self, features: int, key: np.uint64, limits: Limits) -> None:
        self.limits = limits
        self.kept = Candidates.empty()
        self._keys = feature_keys(key, features)
        self._pending: list[Candidates] = []
        self._waiting = 0
        self._top_floor = _floors(limits.top, features, np.float32(0), np.float32(np.inf))
        self._all_floor = _floors(limits.all, features, _ANY, np.uint64(0))
        self._bin_floor = np.repeat(_floors(limits.bin, features, _ANY, np.uint64(0)), BINS)

    def add(self, firings: Firings, page: Page) -> None:
        """Take the candidates among these firings, which are in the order of features."""
        found = self._candidates(firings, page)
        self._pending.append(found)
        self._waiting += len(found)
        if self._waiting > max(_PENDING, len(self.kept)):
            self.prune()

    def merge(self, other: "Reservoir") -> None:
        """Take over what another one keeps."""
        self._pending += [other.kept, *other._pending]
        self.prune()

    def prune(self) -> None:
        """Drop the candidates that are on no list, and order the others by slot and priority."""
        if not self._pending:
            return
        found = Candidates.join([self.kept, *self._pending])
        self._pending, self._waiting = [], 0
        lists = lists_of(found, self.limits)
        stays = np.zeros(len(found), dtype=np.bool_)
        for items in (lists.top, lists.all, lists.bin):
            stays[items] = True
        chosen = np.flatnonzero(stays)
        chosen = chosen[np.lexsort((found.priority[chosen], found.slot[chosen]))]
        self._top_floor[found.slot[lists.top_last]] = found.value[lists.top_last]
        self._all_floor[found.slot[lists.all_last]] = found.priority[lists.all_last]
        bin_slot = found.slot[lists.bin_last].astype(np.int64) * BINS + found.bin[lists.bin_last]
        self._bin_floor[bin_slot] = found.priority[lists.bin_last]
        self.kept = found.take(chosen)

    def _candidates(self, firings: Firings, page: Page) -> Candidates:
        at = peaks(firings, page)
        feature, place, value = firings.feature[at], firings.place[at], firings.value[at]
        slot = feature * len(SPLITS) + page.split[place]
        priority = priorities(page.mixed[place], self._keys[feature])
        bins = bins_of(value)
        best = _best_of_rows(slot, place // page.context, value, priority, len(page.tokens) // page.context)
        wanted = best & (value >= self._top_floor[slot])
        wanted |= priority <= self._all_floor[slot]
        wanted |= priority <= self._bin_floor[slot.astype(np.int64) * BINS + bins]
        chosen = np.flatnonzero(wanted)
        first, last = _windows(firings, page, at[chosen])
        if self.limits.apart and len(chosen):
            edges = np.stack([first, last], axis=1).reshape(-1)
            highest = np.maximum.reduceat(np.append(firings.value, np.float32(0)), edges)[::2]
            apart = highest <= value[chosen]
            chosen, first, last = chosen[apart], first[apart], last[apart]
        place = place[chosen]
        inside = ranges(first, last - first)
        return Candidates(
            slot=slot[chosen],
            value=value[chosen],
            bin=bins[chosen],
            best=best[chosen],
            priority=priority[chosen],
            context=page.row(place),
            document=page.document[place],
            peak=page.position(place),
            start=page.position(page.start[place]),
            length=page.stop[place] - page.start[place],
            text=page.text[place],
            count=(last - first).astype(np.int32),
            at=(firings.place[inside] - np.repeat(page.start[place], last - first)).astype(np.uint16),
            act=as_float16(firings.value[inside]),
        )


def _floors(limit: NDArray[np.int64], features: int, anything: np.generic, nothing: np.generic) -> NDArray[Any]:
    """Return what a candidate must reach, one entry a slot: at first anything, or nothing at all where none is kept."""
    return np.tile(np.where(limit > 0, anything, nothing), features)


def _best_of_rows(
    slot: NDArray[np.int32],
    row: NDArray[np.int32],
    value: NDArray[np.float32],
    priority: NDArray[np.uint64],
    rows: int,
) -> NDArray[np.bool_]:
    """Say which peaks are the strongest of their slot in their row; of equals, the one of lowest priority."""
    key = slot.astype(np.int64) * rows + row
    size = int(key.max(initial=-1)) + 1
    highest = np.zeros(size, dtype=np.float32)
    np.maximum.at(highest, key, value)
    best = value == highest[key]
    lowest = np.full(size, _ANY)
    np.minimum.at(lowest, key[best], priority[best])
    return best & (priority == lowest[key])


def _windows(firings: Firings, page: Page, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last-plus-one firing in the window around each firing of `at`."""
    size = len(page.tokens)
    order = firings.feature.astype(np.int64) * size + firings.place
    base, place = firings.feature[at].astype(np.int64) * size, firings.place[at]
    return np.searchsorted(order, base + page.start[place]), np.searchsorted(order, base + page.stop[place])
