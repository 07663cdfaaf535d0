"""One batch of rows: what does not depend on features, where features fire, and their peaks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.chance import scramble
from autointerp.harvest.split import split_of
from autointerp.harvest.windows import bounds, stretches, text_hashes
from autointerp.subject.encoding import Fired


@dataclass(frozen=True, eq=False, slots=True)
class Page:
    """One batch of rows, one entry a token ("place"), row after row; `readable` leaves out special tokens and padding.

    `start` and `stop` are the window around each token, in places, and `text` the hash of its tokens. `segment` is
    the number of the token's segment in the whole corpus, and `mixed` that number scrambled.
    """

    first: int
    context: int
    tokens: NDArray[np.int32]
    readable: NDArray[np.bool_]
    document: NDArray[np.int64]
    split: NDArray[np.uint8]
    segment: NDArray[np.int64]
    mixed: NDArray[np.uint64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    text: NDArray[np.uint64]

    def row(self, places: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the corpus row of each place."""
        return places.astype(np.int64) // self.context + self.first

    def position(self, places: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the position of each place in its row."""
        return (places % self.context).astype(np.int32)


def lay_out(
    first: int,
    tokens: NDArray[np.int32],
    documents: NDArray[np.int64],
    readable: NDArray[np.bool_],
    spec: HarvestSpec,
    *,
    visible: NDArray[np.bool_] | None = None,
) -> Page:
    """Make the page of consecutive rows, each array (rows, context), the first being row `first` of the corpus.

    Windows hold what is `visible`: what is readable if not given, or more, at which nothing is counted.
    """
    rows, context = tokens.shape
    start, stop = bounds(*stretches(documents, readable if visible is None else visible), spec.window)
    pieces = -(-context // spec.segment)
    within = np.arange(context) // spec.segment
    segment = ((np.arange(rows)[:, None] + first) * pieces + within).reshape(-1)
    flat = np.ascontiguousarray(tokens).reshape(-1)
    document = np.ascontiguousarray(documents).reshape(-1)
    return Page(
        first=first,
        context=context,
        tokens=flat,
        readable=np.ascontiguousarray(readable).reshape(-1),
        document=document,
        split=split_of(document, spec.shares, spec.seed),
        segment=segment,
        mixed=scramble(segment.astype(np.uint64)),
        start=start,
        stop=stop,
        text=text_hashes(flat, start, stop, spec.window),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Firings:
    """Where the features of one SAE fire in one page: activations above zero at readable places.

    `broken` are the places, once for each activation there that is NaN or infinite, and `broken_feature` whose it is;
    these are left out.
    """

    feature: NDArray[np.int32]
    place: NDArray[np.int32]
    value: NDArray[np.float32]
    broken: NDArray[np.int32]
    broken_feature: NDArray[np.int32]

    @classmethod
    def of(cls, fired: Fired, page: Page) -> "Firings":
        """Take what fired in a page, in the order of places."""
        readable = page.readable[fired.place]
        finite = np.isfinite(fired.value)
        keep = np.flatnonzero(readable & finite)
        broken = np.flatnonzero(readable & ~finite)
        return cls(
            fired.feature[keep], fired.place[keep], fired.value[keep], fired.place[broken], fired.feature[broken]
        )

    def by_feature(self, features: int) -> "Firings":
        """Return the same firings in the order of features, and of places within one feature."""
        return Firings(*_by_feature(self.feature, self.place, self.value, features), self.broken, self.broken_feature)

    def part(self, low: int, high: int, *, first: int) -> "Firings":
        """Return firings `low` to `high` - 1 of features in their order, which count from feature `first` then."""
        feature = self.feature[low:high] - np.int32(first)
        return Firings(feature, self.place[low:high], self.value[low:high], self.broken[:0], self.broken_feature[:0])


@compiled
def _by_feature(
    feature: NDArray[np.int32], place: NDArray[np.int32], value: NDArray[np.float32], features: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    size = len(feature)
    edges = np.zeros(features + 1, np.int64)
    for f in feature:
        edges[f + 1] += 1
    edges = np.cumsum(edges)
    grouped, places, values = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.float32)
    for i in range(size):
        at = edges[feature[i]]
        edges[feature[i]] += 1
        grouped[at], places[at], values[at] = feature[i], place[i], value[i]
    return grouped, places, values
