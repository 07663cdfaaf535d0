"""Which candidates are shown, and for which group: `top`, intervals and quantiles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.domain.examples import Kind
from autointerp.domain.features import BINS
from autointerp.domain.packed import KINDS, NO_INDEX
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.bins import bins_of
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.keep import stable_order
from autointerp.harvest.lists import Limits, Lists, lists_of
from autointerp.harvest.ragged import ranks, run_starts
from autointerp.harvest.split import SPLITS

_ANY = np.uint64(2**64 - 1)


@dataclass(frozen=True, eq=False, slots=True)
class Members:
    """Which candidate (by index) belongs to which group, ordered by slot, kind, index, and then best first."""

    candidate: NDArray[np.int64]
    kind: NDArray[np.uint8]
    index: NDArray[np.int16]


def choose(found: Candidates, maxima: NDArray[np.float32], spec: HarvestSpec) -> Members:
    """Choose the examples of features 0 to len(maxima) - 1 among all their candidates (slots count from 0).

    `maxima` are the features' maxima over all splits, which intervals are cut from.
    """
    if len(found) == 0:
        return Members(np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int16))
    limits = Limits.of(spec)
    lists = lists_of(found, limits)
    alone = _one_split_a_text(found)
    known = _known(found, lists, limits, len(maxima))
    parts = [
        _top(found, lists.top[alone[lists.top]], spec),
        _intervals(found, np.flatnonzero(alone), known, maxima, spec),
        _quantiles(found, lists.all[alone[lists.all]], spec),
    ]
    candidate, kind, index = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((np.arange(len(candidate)), index, kind, found.slot[candidate]))
    return Members(candidate[order], kind[order].astype(np.uint8), index[order].astype(np.int16))


def interval_of(values: NDArray[np.float32], maxima: NDArray[np.float32], intervals: int) -> NDArray[np.int64]:
    """Return the interval of each value: i when it is in (max * i / n, max * (i+1) / n], exactly."""
    # The quotient of two float32 is far enough from every whole number that it does not equal, so that float64 tells.
    scaled = values.astype(np.float64) * intervals / maxima.astype(np.float64)
    return np.clip(np.ceil(scaled).astype(np.int64) - 1, 0, intervals - 1)


def _top(found: Candidates, items: NDArray[np.int64], spec: HarvestSpec) -> tuple[NDArray[np.int64], ...]:
    sizes = _sizes(found, items, [spec.sizes[split].top for split in SPLITS])
    chosen = items[ranks(run_starts(found.slot[items]), len(items)) < sizes]
    return _members(chosen, Kind.TOP, np.full(len(chosen), NO_INDEX))


def _intervals(
    found: Candidates,
    items: NDArray[np.int64],
    known: NDArray[np.uint64],
    maxima: NDArray[np.float32],
    spec: HarvestSpec,
) -> tuple[NDArray[np.int64], ...]:
    """Choose uniformly within each interval: the lowest priorities, as far as all candidates of its bins are known."""
    slot, splits = found.slot[items].astype(np.int64), len(SPLITS)
    index = interval_of(found.value[items], maxima[slot // splits], spec.intervals)
    bound = _interval_bounds(known, maxima, spec.intervals)[slot, index]
    complete = found.priority[items] <= bound
    items, index, slot = items[complete], index[complete], slot[complete]
    group = slot * spec.intervals + index
    order = stable_order(np.argsort(found.priority[items]), group, int(group.max(initial=0)))
    sizes = _sizes(found, items[order], [spec.sizes[split].per_interval for split in SPLITS])
    order = order[ranks(run_starts(group[order]), len(order)) < sizes]
    return _members(items[order], Kind.INTERVAL, index[order])


def _quantiles(found: Candidates, items: NDArray[np.int64], spec: HarvestSpec) -> tuple[NDArray[np.int64], ...]:
    """Cut the uniform sample of each slot by rank into quantiles of equal counts, and choose uniformly within each."""
    items = items[np.lexsort((found.priority[items], found.value[items], found.slot[items]))]
    starts = run_starts(found.slot[items])
    counts = np.repeat(np.diff(starts, append=len(items)), np.diff(starts, append=len(items)))
    index = ranks(starts, len(items)) * spec.quantiles // np.maximum(counts, 1)
    group = found.slot[items].astype(np.int64) * spec.quantiles + index
    order = stable_order(np.argsort(found.priority[items]), group, int(group.max(initial=0)))
    sizes = _sizes(found, items[order], [spec.sizes[split].per_quantile for split in SPLITS])
    order = order[ranks(run_starts(group[order]), len(order)) < sizes]
    return _members(items[order], Kind.QUANTILE, index[order])


def _members(candidate: NDArray[np.int64], kind: Kind, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    return candidate, np.full(len(candidate), KINDS.index(kind)), index


def _sizes(found: Candidates, items: NDArray[np.int64], sizes: list[int]) -> NDArray[np.int64]:
    return np.array(sizes)[found.slot[items] % len(SPLITS)]


def _one_split_a_text(found: Candidates) -> NDArray[np.bool_]:
    """Say which candidates stay when of each text a feature keeps one place: the strongest, ties by priority.

    So no text is in two splits, even where two documents share it.
    """
    feature = found.slot // len(SPLITS)
    order = np.lexsort((found.priority, -found.value, found.text, feature))
    chosen = np.zeros(len(found), dtype=np.bool_)
    chosen[order[run_starts(feature[order], found.text[order])]] = True
    return chosen


def _known(found: Candidates, lists: Lists, limits: Limits, features: int) -> NDArray[np.uint64]:
    """Return, for each (slot, bin), the priority up to which every peak of the harvest is among the candidates."""
    # A list that is not full holds all there was, unless it is one that keeps nothing.
    by_slot = np.tile(np.where(limits.all > 0, _ANY, np.uint64(0)), features)
    by_slot[found.slot[lists.all_last]] = found.priority[lists.all_last]
    by_bin = np.tile(np.where(limits.bin > 0, _ANY, np.uint64(0))[:, None], (features, BINS))
    by_bin[found.slot[lists.bin_last], found.bin[lists.bin_last]] = found.priority[lists.bin_last]
    return np.maximum(by_bin, by_slot[:, None])


def _interval_bounds(known: NDArray[np.uint64], maxima: NDArray[np.float32], intervals: int) -> NDArray[np.uint64]:
    """Return, for each (slot, interval), the priority up to which every peak in the interval's bins is known."""
    edges = maxima.astype(np.float64)[:, None] / intervals * np.arange(intervals + 1)
    return _lowest(known, bins_of(edges.astype(np.float32).reshape(-1)).reshape(edges.shape), len(SPLITS))


@compiled
def _lowest(known: NDArray[np.uint64], edges: NDArray[np.uint8], splits: int) -> NDArray[np.uint64]:
    """Return the lowest of `known` (slot, bin) between each two edges (feature, interval), both bins included."""
    lowest = np.empty((len(known), edges.shape[1] - 1), np.uint64)
    for slot in range(len(known)):
        for interval in range(lowest.shape[1]):
            low, high = edges[slot // splits, interval], edges[slot // splits, interval + 1]
            lowest[slot, interval] = known[slot, low : high + 1].min()
    return lowest
