"""The plain way to do what is compiled: whole arrays at a time or one item after the other, nothing clever."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.features import BINS
from autointerp.harvest.bins import bins_of
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.chance import priorities
from autointerp.harvest.keep import keep_first, stable_order
from autointerp.harvest.lists import Limits
from autointerp.harvest.ragged import ranks, run_starts
from autointerp.harvest.rows import Firings, Page
from autointerp.harvest.split import SPLITS
from autointerp.harvest.survey import Floors, Found

ANY = np.uint64(2**64 - 1)
Levels = dict[tuple[int, int, int], tuple[int, int]]  # (feature, token, level) to count and total


@dataclass(frozen=True)
class PlainLists:
    """The three lists over some candidates, as indices into them, and the last one of each full group."""

    top: NDArray[np.int64]
    top_last: NDArray[np.int64]
    all: NDArray[np.int64]
    all_last: NDArray[np.int64]
    bin: NDArray[np.int64]
    bin_last: NDArray[np.int64]


def lists_of(found: Candidates, limits: Limits) -> PlainLists:
    """Return the three lists over `found`."""
    split, bin_slot = found.slot % len(SPLITS), found.slot.astype(np.int64) * BINS + found.bin
    largest = int(found.slot.max(initial=0))
    by_priority = np.argsort(found.priority)
    by_slot = stable_order(by_priority, found.slot, largest)
    by_bin = stable_order(by_priority, bin_slot, (largest + 1) * BINS)
    best = np.flatnonzero(found.best)
    by_value = best[np.lexsort((found.priority[best], -found.value[best], found.slot[best]))]
    return PlainLists(
        *keep_first(by_value, found.slot, found.text, limits.top[split]),
        *keep_first(by_slot, found.slot, found.text, limits.all[split]),
        *keep_first(by_bin, bin_slot, found.text, limits.bin[split]),
    )


def survey(firings: Firings, page: Page, keys: NDArray[np.uint64], floors: Floors, *, apart: bool) -> Found:
    """Find the candidates among `firings`, which are in the order of features and then of places."""
    at = _peaks(firings, page)
    first, last = _windows(firings, page, at)
    if apart and len(at):
        edges = np.stack([first, last], axis=1).reshape(-1)
        highest = np.maximum.reduceat(np.append(firings.value, np.float32(0)), edges)[::2]
        alone = highest <= firings.value[at]
        at, first, last = at[alone], first[alone], last[alone]
    feature, place, value = firings.feature[at], firings.place[at], firings.value[at]
    slot = feature.astype(np.int64) * len(SPLITS) + page.split[place]
    priority = priorities(page.mixed[place], keys[feature])
    best = _best_of_rows(slot, place // page.context, value, priority, len(page.tokens) // page.context)
    wanted = best & (value >= floors.top[slot])
    wanted |= priority <= floors.all[slot]
    wanted |= priority <= floors.bin[slot * BINS + bins_of(value)]
    return Found(
        at=at[wanted].astype(np.int32),
        best=best[wanted],
        priority=priority[wanted],
        first=first[wanted].astype(np.int32),
        last=last[wanted].astype(np.int32),
    )


def _peaks(firings: Firings, page: Page) -> NDArray[np.int64]:
    """Return which firings are the first of the strongest of their feature in their segment."""
    if len(firings.value) == 0:
        return np.zeros(0, dtype=np.int64)
    starts = run_starts(firings.feature, page.segment[firings.place])
    highest = np.maximum.reduceat(firings.value, starts)
    run = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(firings.value)))
    strongest = np.flatnonzero(firings.value == highest[run])
    return strongest[ranks(run_starts(run[strongest]), len(strongest)) == 0]


def _best_of_rows(
    slot: NDArray[np.int64],
    row: NDArray[np.int32],
    value: NDArray[np.float32],
    priority: NDArray[np.uint64],
    rows: int,
) -> NDArray[np.bool_]:
    """Say which peaks are the strongest of their slot in their row; of equals, the one of lowest priority."""
    key = slot * rows + row
    size = int(key.max(initial=-1)) + 1
    highest = np.zeros(size, dtype=np.float32)
    np.maximum.at(highest, key, value)
    best = value == highest[key]
    lowest = np.full(size, ANY)
    np.minimum.at(lowest, key[best], priority[best])
    return best & (priority == lowest[key])


def _windows(firings: Firings, page: Page, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last-plus-one firing in the window around each firing of `at`."""
    size = len(page.tokens)
    order = firings.feature.astype(np.int64) * size + firings.place
    base, place = firings.feature[at].astype(np.int64) * size, firings.place[at]
    return np.searchsorted(order, base + page.start[place]), np.searchsorted(order, base + page.stop[place])


def thinned(entries: Levels, lowest: list[int], most: int) -> tuple[Levels, list[int]]:
    """Return what is left of the table when every feature keeps at most `most` entries, and the levels it starts at."""
    raised = list(lowest)
    for feature in range(len(raised)):
        levels = [level for f, _, level in entries if f == feature]
        while raised[feature] < 15 and sum(level >= raised[feature] for level in levels) > most:
            raised[feature] += 1
    return {key: entry for key, entry in entries.items() if key[2] >= raised[key[0]]}, raised
