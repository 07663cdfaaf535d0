"""What a bounded list keeps: of each group the best few, one of each text, whatever the order in which they came."""

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest.chance import scramble
from autointerp.harvest.ragged import ranks, run_starts


def keep_first(
    ordered: NDArray[np.int64],
    group: NDArray[np.integer],
    text: NDArray[np.uint64],
    limit: NDArray[np.integer],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which items stay, and the last one of each group that is full.

    `ordered` lists the items group by group, best first; of equal texts in a group only the first counts. An item
    stays when fewer than `limit` of its group come before it. Since whatever stands before an item in a part of the
    data also does so in the whole, keeping the best of parts and then the best of those is the same as keeping the
    best of everything.
    """
    ordered = _fold(ordered, group, text)
    position = ranks(run_starts(group[ordered]), len(ordered))
    allowed = limit[ordered]
    return ordered[position < allowed], ordered[position == allowed - 1]


def _fold(ordered: NDArray[np.int64], group: NDArray[np.integer], text: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Leave out the items whose text an earlier item of their group has."""
    identity = scramble(text[ordered] ^ scramble(group[ordered].astype(np.uint64)))
    sorted_identity = np.sort(identity)
    repeated = sorted_identity[1:][sorted_identity[1:] == sorted_identity[:-1]]
    if len(repeated) == 0:
        return ordered
    # Few texts repeat, so that only those are looked at one by one.
    suspects = np.flatnonzero(np.isin(identity, repeated))
    _, firsts = np.unique(identity[suspects], return_index=True)
    stays = np.ones(len(ordered), dtype=np.bool_)
    stays[suspects] = False
    stays[suspects[firsts]] = True
    return ordered[stays]


def stable_order(ordered: NDArray[np.int64], keys: NDArray[np.integer], largest: int) -> NDArray[np.int64]:
    """Sort `ordered` by `keys` (0 to `largest`) and keep the order among equals: 16 bits at a time, by radix."""
    for shift in range(0, max(1, largest.bit_length()), 16):
        digits = (keys[ordered] >> shift).astype(np.uint16)
        ordered = ordered[np.argsort(digits, kind="stable")]
    return ordered
