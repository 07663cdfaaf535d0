"""The bounded lists of candidates: what each feature and split keeps of its peaks, whatever the order they came in.

- top: the strongest, one of each row, ties by priority;
- all: the lowest priorities of a feature and split, a uniform sample of all its peaks, from which quantiles are cut;
- bin: the lowest priorities in each quarter-octave bin, from which intervals are cut.

Of equal texts in a list only the first counts. Since whatever stands before a candidate in a part of the data also does
so in the whole, keeping the best of parts and then the best of those is the same as keeping the best of everything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.domain.features import BINS
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.split import SPLITS

# More is kept than is shown: folding one text over splits, or an interval that takes a part of a bin, costs some.
_SPARE = 2
_SPARE_IN_BINS = 4
_SPLITS = len(SPLITS)


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
    """The lists over some candidates, as indices into them: `kept` are those on any list, by slot and priority, `top`
    and `all` the lists in their orders, and the others the last one of each list that is full."""

    kept: NDArray[np.int64]
    top: NDArray[np.int64]
    all: NDArray[np.int64]
    top_last: NDArray[np.int64]
    all_last: NDArray[np.int64]
    bin_last: NDArray[np.int64]


def lists_of(found: Candidates, limits: Limits) -> Lists:
    """Return the lists over `found`."""
    slots = int(found.slot.max(initial=-1)) + 1
    return Lists(
        *_lists(
            found.slot,
            found.priority,
            found.value,
            found.best,
            found.bin,
            found.text,
            slots,
            limits.top,
            limits.all,
            limits.bin,
        )
    )


@compiled
def _lists(
    slot: NDArray[np.int32],
    priority: NDArray[np.uint64],
    value: NDArray[np.float32],
    best: NDArray[np.bool_],
    bins: NDArray[np.uint8],
    text: NDArray[np.uint64],
    slots: int,
    top_limit: NDArray[np.int64],
    all_limit: NDArray[np.int64],
    bin_limit: NDArray[np.int64],
) -> tuple[
    NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]
]:
    size = len(slot)
    edges, order = _grouped(slot, slots)
    kept, top, every = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    top_last, all_last = np.empty(slots, np.int64), np.empty(slots, np.int64)
    bin_last = np.empty(size, np.int64)
    stays, repeated = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    in_bin = np.zeros(BINS, np.int64)
    kepts, tops, alls, top_lasts, all_lasts, bin_lasts = 0, 0, 0, 0, 0, 0
    for s in range(slots):
        here = order[edges[s] : edges[s + 1]]
        if len(here) == 0:
            continue
        here = here[np.argsort(priority[here])]
        split = s % _SPLITS
        folding = _mark_repeated(here, text, repeated)
        # All and bins, in the order of priority.
        count = 0
        in_bin[:] = 0
        for i in range(len(here)):
            c = here[i]
            if count < all_limit[split] and not (
                folding and repeated[c] and _before(every, alls - count, alls, text, c)
            ):
                every[alls] = c
                alls += 1
                count += 1
                stays[c] = True
                if count == all_limit[split]:
                    all_last[all_lasts] = c
                    all_lasts += 1
            b = bins[c]
            if in_bin[b] < bin_limit[split] and not (folding and repeated[c] and _before_in_bin(here, i, bins, text)):
                in_bin[b] += 1
                stays[c] = True
                if in_bin[b] == bin_limit[split]:
                    bin_last[bin_lasts] = c
                    bin_lasts += 1
        # The top, strongest first; the sort is stable, so that equals stay in the order of priority.
        chosen = here[best[here]]
        chosen = chosen[np.argsort(-value[chosen], kind="mergesort")]
        count = 0
        for c in chosen:
            if count == top_limit[split]:
                break
            if folding and repeated[c] and _before(top, tops - count, tops, text, c):
                continue
            top[tops] = c
            tops += 1
            count += 1
            stays[c] = True
            if count == top_limit[split]:
                top_last[top_lasts] = c
                top_lasts += 1
        for c in here:
            if stays[c]:
                kept[kepts] = c
                kepts += 1
    return (
        kept[:kepts].copy(),
        top[:tops].copy(),
        every[:alls].copy(),
        top_last[:top_lasts],
        all_last[:all_lasts],
        bin_last[:bin_lasts].copy(),
    )


@compiled
def _grouped(slot: NDArray[np.int32], slots: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each slot begins, and the candidates slot by slot."""
    edges = np.zeros(slots + 1, np.int64)
    for s in slot:
        edges[s + 1] += 1
    edges = np.cumsum(edges)
    order, at = np.empty(len(slot), np.int64), edges[:-1].copy()
    for i in range(len(slot)):
        order[at[slot[i]]] = i
        at[slot[i]] += 1
    return edges, order


@compiled
def _mark_repeated(here: NDArray[np.int64], text: NDArray[np.uint64], repeated: NDArray[np.bool_]) -> bool:
    """Mark the candidates whose text another one of the slot has; say whether there are any."""
    order = here[np.argsort(text[here])]
    found = False
    for i in range(1, len(order)):
        if text[order[i]] == text[order[i - 1]]:
            repeated[order[i]], repeated[order[i - 1]] = True, True
            found = True
    return found


@compiled
def _before(listed: NDArray[np.int64], first: int, last: int, text: NDArray[np.uint64], candidate: int) -> bool:
    """Whether the text of `candidate` is in the list already."""
    for i in range(first, last):  # noqa: SIM110 -- compiled
        if text[listed[i]] == text[candidate]:
            return True
    return False


@compiled
def _before_in_bin(here: NDArray[np.int64], i: int, bins: NDArray[np.uint8], text: NDArray[np.uint64]) -> bool:
    """Whether an earlier candidate of the slot has the text and the bin of number `i`."""
    for j in range(i):  # noqa: SIM110 -- compiled
        if text[here[j]] == text[here[i]] and bins[here[j]] == bins[here[i]]:
            return True
    return False
