"""Which split a document belongs to: fixed by a hash of its id, before anything is sampled."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Split
from autointerp.harvest.chance import key_for, scramble

SPLITS = tuple(Split)


def split_of(documents: NDArray[np.int64], shares: Mapping[Split, float], seed: int) -> NDArray[np.uint8]:
    """Return the split of each document, as its index in `SPLITS`; a split gets its share of the documents."""
    hashed = scramble(documents.view(np.uint64) ^ key_for(seed, "split"))
    draws = (hashed >> np.uint64(11)).astype(np.float64) / 2.0**53
    edges = np.cumsum([shares[split] for split in SPLITS])[:-1]
    return np.searchsorted(edges, draws, side="right").astype(np.uint8)
