"""One batch of rows: what does not depend on features, where features fire, and their peaks."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.chance import scramble
from autointerp.harvest.ragged import ranks, run_starts
from autointerp.harvest.split import split_of
from autointerp.harvest.windows import bounds, stretches, text_hashes


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
) -> Page:
    """Make the page of consecutive rows, each array (rows, context), the first being row `first` of the corpus."""
    rows, context = tokens.shape
    start, stop = bounds(*stretches(documents, readable), spec.window)
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

    `broken` counts the activations that are NaN or infinite; they are left out.
    """

    feature: NDArray[np.int32]
    place: NDArray[np.int32]
    value: NDArray[np.float32]
    broken: int

    def by_feature(self) -> "Firings":
        """Return the same firings in the order of features, and of places within one feature."""
        small = len(self.feature) == 0 or int(self.feature.max()) < 1 << 16
        # Numpy sorts 16-bit integers by radix, in linear time.
        order = np.argsort(self.feature.astype(np.uint16) if small else self.feature, kind="stable")
        return Firings(self.feature[order], self.place[order], self.value[order], self.broken)


def find_firings(acts: Float[Tensor, "place feature"], page: Page) -> Firings:
    """Find where features fire, in the order of places."""
    features = acts.shape[1]
    flat = acts.detach().reshape(-1).float()
    if flat.device.type == "cpu":
        dense = flat.numpy()
        index = np.flatnonzero(dense != 0)
        value = dense[index]
    else:
        where = torch.nonzero(flat).reshape(-1)
        index, value = where.cpu().numpy(), flat[where].cpu().numpy()
    place = (index // features).astype(np.int32)
    feature = (index - place.astype(np.int64) * features).astype(np.int32)
    finite = np.isfinite(value)
    readable = page.readable[place]
    keep = readable & finite & (value > 0)
    return Firings(feature[keep], place[keep], value[keep], broken=int((readable & ~finite).sum()))


def peaks(firings: Firings, page: Page) -> NDArray[np.int64]:
    """Return, for firings by feature, which of them are the peak of their feature in their segment: the first of the
    strongest."""
    if len(firings.value) == 0:
        return np.zeros(0, dtype=np.int64)
    starts = run_starts(firings.feature, page.segment[firings.place])
    highest = np.maximum.reduceat(firings.value, starts)
    run = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(firings.value)))
    strongest = np.flatnonzero(firings.value == highest[run])
    return strongest[ranks(run_starts(run[strongest]), len(strongest)) == 0]
