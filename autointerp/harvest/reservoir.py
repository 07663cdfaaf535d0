"""The candidates of one SAE: top lists and uniform samples of every feature and split, in bounded memory."""

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.features import BINS
from autointerp.harvest.bins import bins_of
from autointerp.harvest.candidates import Candidates, as_float16
from autointerp.harvest.lists import Limits, lists_of
from autointerp.harvest.ragged import ranges
from autointerp.harvest.rows import Firings, Page
from autointerp.harvest.split import SPLITS
from autointerp.harvest.survey import Floors, survey

_PENDING = 1 << 14
_PENDING_OF_A_FEATURE = 32


class Reservoir:
    """Takes pages of firings and keeps the candidates that are on one of their feature's lists."""

    def __init__(self, keys: NDArray[np.uint64], limits: Limits) -> None:
        """Keep nothing yet, of as many features as there are `keys`, which their priorities depend on."""
        self.limits = limits
        self.kept = Candidates.empty()
        self._keys = keys
        self._floors = Floors.of(limits.top, limits.all, limits.bin, len(keys))
        self._most_pending = max(_PENDING, _PENDING_OF_A_FEATURE * len(keys))
        self._pending: list[Candidates] = []
        self._waiting = 0

    def add(self, firings: Firings, page: Page) -> None:
        """Take the candidates among these firings, which are in the order of features."""
        found = self._candidates(firings, page)
        self._pending.append(found)
        self._waiting += len(found)
        if self._waiting > self._most_pending:
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
        self._floors.top[found.slot[lists.top_last]] = found.value[lists.top_last]
        self._floors.all[found.slot[lists.all_last]] = found.priority[lists.all_last]
        bin_slot = found.slot[lists.bin_last].astype(np.int64) * BINS + found.bin[lists.bin_last]
        self._floors.bin[bin_slot] = found.priority[lists.bin_last]
        self.kept = found.take(lists.kept)

    def _candidates(self, firings: Firings, page: Page) -> Candidates:
        found = survey(firings, page, self._keys, self._floors, apart=self.limits.apart)
        place, value = firings.place[found.at], firings.value[found.at]
        count = found.last - found.first
        inside = ranges(found.first, count)
        return Candidates(
            slot=firings.feature[found.at] * np.int32(len(SPLITS)) + page.split[place],
            value=value,
            bin=bins_of(value),
            best=found.best,
            priority=found.priority,
            context=page.row(place),
            document=page.document[place],
            peak=page.position(place),
            start=page.position(page.start[place]),
            length=page.stop[place] - page.start[place],
            text=page.text[place],
            count=count,
            at=(firings.place[inside] - np.repeat(page.start[place], count)).astype(np.uint16),
            act=as_float16(firings.value[inside]),
        )
