"""The pool: a uniform sample of segments with what fires in them, from which silent examples come."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest.chance import priorities
from autointerp.harvest.keep import keep_first
from autointerp.harvest.ragged import pick, ranges, run_starts
from autointerp.harvest.rows import Firings, Page

_COLUMNS = {
    "priority": np.uint64,
    "context": np.int64,
    "document": np.int64,
    "split": np.uint8,
    "start": np.int32,
    "length": np.int32,
    "text": np.uint64,
}
_PENDING = 1 << 12
Columns = dict[str, NDArray[Any]]


class SilentPool:
    """The `size` segments of lowest priority: a window around the middle of each, one of each text, and for every SAE
    the set of features that fire anywhere in it, or are NaN or infinite there. Ordered by priority."""

    def __init__(self, size: int, key: np.uint64, saes: int) -> None:
        self.size = size
        self.columns: Columns = {name: np.zeros(0, dtype=dtype) for name, dtype in _COLUMNS.items()}
        self.counts = [np.zeros(0, dtype=np.int32) for _ in range(saes)]
        self.fired = [np.zeros(0, dtype=np.int32) for _ in range(saes)]
        self._key = np.full(1, key)
        self._floor = np.uint64(2**64 - 1)
        self._pending: list[tuple[Columns, list[NDArray[np.int32]], list[NDArray[np.int32]]]] = []
        self._waiting = 0

    def __len__(self) -> int:
        return len(self.columns["priority"])

    def add(self, page: Page, firings: Sequence[Firings]) -> None:
        """Take the segments of a page; `firings` are those of each SAE, in the order of places."""
        middle = _middles(page)
        priority = priorities(page.mixed[middle], self._key)
        chosen = priority <= self._floor
        middle, priority = middle[chosen], priority[chosen]
        start, stop = page.start[middle], page.stop[middle]
        columns: Columns = {
            "priority": priority,
            "context": page.row(middle),
            "document": page.document[middle],
            "split": page.split[middle],
            "start": page.position(start),
            "length": stop - start,
            "text": page.text[middle],
        }
        sets = [_firing_sets(found, start, stop) for found in firings]
        self._pending.append((columns, [count for count, _ in sets], [fired for _, fired in sets]))
        self._waiting += len(middle)
        if self._waiting > max(_PENDING, len(self) // 4):
            self.prune()

    def merge(self, other: "SilentPool") -> None:
        """Take over what another pool keeps."""
        self._pending += [(other.columns, other.counts, other.fired), *other._pending]
        self.prune()

    def prune(self) -> None:
        """Keep the segments of lowest priority."""
        if not self._pending:
            return
        parts = [(self.columns, self.counts, self.fired), *self._pending]
        self._pending, self._waiting = [], 0
        columns = {name: np.concatenate([part[0][name] for part in parts]) for name in _COLUMNS}
        priority = columns["priority"].astype(np.uint64)
        one_group = np.zeros(len(priority), dtype=np.int64)
        text = columns["text"].astype(np.uint64)
        kept, last = keep_first(np.argsort(priority), one_group, text, np.full(len(priority), self.size))
        self._floor = priority[last[0]] if len(last) else self._floor
        self.columns = {name: column[kept] for name, column in columns.items()}
        for sae in range(len(self.counts)):
            counts = np.concatenate([part[1][sae] for part in parts])
            fired = np.concatenate([part[2][sae] for part in parts])
            self.fired[sae] = pick(fired, counts, kept)
            self.counts[sae] = counts[kept]

    def arrays(self) -> Columns:
        """Return the arrays by name, as a shard keeps them."""
        sets = {f"counts{sae}": counts for sae, counts in enumerate(self.counts)}
        return {**self.columns, **sets, **{f"fired{sae}": fired for sae, fired in enumerate(self.fired)}}

    def load(self, arrays: Columns) -> "SilentPool":
        """Take over what `arrays` returned."""
        self.columns = {name: arrays[name] for name in _COLUMNS}
        self.counts = [np.asarray(arrays[f"counts{sae}"], dtype=np.int32) for sae in range(len(self.counts))]
        self.fired = [np.asarray(arrays[f"fired{sae}"], dtype=np.int32) for sae in range(len(self.fired))]
        return self


def _middles(page: Page) -> NDArray[np.int64]:
    """Return the middle one of the readable places of each segment that has any."""
    readable = np.flatnonzero(page.readable)
    if len(readable) == 0:
        return readable
    starts = run_starts(page.segment[readable])
    return readable[starts + np.diff(starts, append=len(readable)) // 2]


def _firing_sets(
    firings: Firings, start: NDArray[np.int32], stop: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return how many features fire in each window, and which, window by window in ascending order."""
    pairs = _pairs(firings.place, firings.feature, start, stop)
    if len(firings.broken):
        pairs = np.concatenate([pairs, _pairs(firings.broken, firings.broken_feature, start, stop)])
    pairs.sort()
    pairs = pairs[run_starts(pairs)]
    counts = np.bincount(pairs >> 32, minlength=len(start)).astype(np.int32)
    return counts, (pairs & 0xFFFFFFFF).astype(np.int32)


def _pairs(
    place: NDArray[np.int32], feature: NDArray[np.int32], start: NDArray[np.int32], stop: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return (window, feature) of each place that lies in a window, as one number; places are in order."""
    first, last = np.searchsorted(place, start), np.searchsorted(place, stop)
    window = np.repeat(np.arange(len(start)), last - first)
    return window << 32 | feature[ranges(first, last - first)].astype(np.int64)
