"""The features most like a feature: nearest by decoder direction, and those that fire in the same windows.

Co-activation is the Jaccard similarity of the sets of windows of the pool in which two features fire, as in delphi's
co-occurrence neighbours. The pool is a uniform sample of the corpus whose firing sets are gathered in the pass and
merge exactly, so the counts need no memory of their own. For a feature that fires in more than `SAMPLE` windows the
overlap is estimated from the first `SAMPLE` of them, which are a uniform sample of all (standard error at most 0.06 of
the feature's windows); for others it is exact.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from autointerp.compiled import compiled
from autointerp.harvest.index import Index
from autointerp.harvest.largest import largest
from autointerp.harvest.pool import SilentPool
from autointerp.harvest.ragged import offsets_of

SAMPLE = 64
NOBODY = -1


@dataclass(frozen=True, eq=False, slots=True)
class Neighbours:
    """The neighbours of some features, one row each: the nearest by direction, nearest first, then those by
    co-activation that are not among them. Where there are fewer, NOBODY stands in `feature`."""

    feature: NDArray[np.int32]  # (feature, 2k)
    cosine: NDArray[np.float32]
    coactivation: NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Neighbourhood:
    """Where the features of one SAE fire in the pool, and their directions, of unit norm."""

    fired: Index  # feature to windows
    offsets: NDArray[np.int64]  # window to features
    features: NDArray[np.int32]
    directions: Float[Tensor, "feature width"]

    @classmethod
    def of(
        cls, pool: SilentPool, fired: Index, directions: Float[Tensor, "feature width"], *, sae: int
    ) -> "Neighbourhood":
        """Look at SAE number `sae` of the pool; `fired` are its windows by feature."""
        return cls(fired, offsets_of(pool.counts[sae]), np.asarray(pool.fired[sae]), directions)

    def nearest(self, first: int, last: int, k: int) -> Neighbours:
        """Return the `k` nearest by direction and the `k` most co-active of features `first` to `last` - 1."""
        k = min(k, len(self.directions) - 1)
        cosine = self.directions[first:last] @ self.directions.T
        own = torch.arange(last - first, device=cosine.device)
        cosine[own, own + first] = -torch.inf
        near, near_cosine = largest(cosine, k)
        together, share, near_share = _coactive(
            first, last, self.fired.offsets, self.fired.positions, self.offsets, self.features, near
        )
        pairs = torch.from_numpy(np.maximum(together, 0)).long().to(cosine.device)
        return Neighbours(
            feature=np.concatenate([near, together], axis=1),
            cosine=np.concatenate([near_cosine, cosine.gather(1, pairs).float().cpu().numpy()], axis=1),
            coactivation=np.concatenate([near_share, share], axis=1),
        )


@compiled
def _coactive(
    first: int,
    last: int,
    fired_offsets: NDArray[np.int64],
    fired_windows: NDArray[np.int32],
    offsets: NDArray[np.int64],
    features: NDArray[np.int32],
    near: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the most co-active features that are not in `near`, their similarities, and those of `near`."""
    k = near.shape[1]
    together = np.full((last - first, k), NOBODY, np.int32)
    share = np.zeros((last - first, k), np.float32)
    near_share = np.zeros((last - first, k), np.float32)
    counts = np.zeros(len(fired_offsets) - 1, np.int64)
    met = np.empty(len(counts), np.int32)
    for row in range(last - first):
        feature, found = first + row, 0
        begin = fired_offsets[feature]
        mine = fired_offsets[feature + 1] - begin
        looked = min(mine, SAMPLE)
        for window in fired_windows[begin : begin + looked]:
            for other in features[offsets[window] : offsets[window + 1]]:
                if counts[other] == 0:
                    met[found] = other
                    found += 1
                counts[other] += 1
        counts[feature] = 0
        for place in range(k):
            other = near[row, place]
            theirs = fired_offsets[other + 1] - fired_offsets[other]
            near_share[row, place] = _jaccard(counts[other], looked, mine, theirs)
            counts[other] = 0
        for other in met[:found]:
            theirs = fired_offsets[other + 1] - fired_offsets[other]
            value = _jaccard(counts[other], looked, mine, theirs)
            counts[other] = 0
            if value == 0:
                continue
            at = k
            while at > 0 and _before(value, other, share[row, at - 1], together[row, at - 1]):
                at -= 1
            if at < k:
                for place in range(k - 1, at, -1):
                    share[row, place], together[row, place] = share[row, place - 1], together[row, place - 1]
                share[row, at], together[row, at] = value, other
    return together, share, near_share


@compiled
def _before(value: Any, feature: Any, other_value: Any, other: Any) -> bool:
    return value > other_value or (value == other_value and feature < other)


@compiled
def _jaccard(shared: Any, looked: Any, mine: Any, theirs: Any) -> Any:
    """Return the similarity of sets of `mine` and `theirs` windows, `shared` of the `looked` at being in both."""
    if shared == 0:
        return np.float32(0)
    both = min(shared * mine / looked, float(theirs))
    return np.float32(both / (mine + theirs - both))
