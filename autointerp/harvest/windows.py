"""Windows: the stretch of a row that is shown around a token, and a hash of its text."""

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest.chance import scramble


def stretches(documents: NDArray[np.int64], readable: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return, for each token of (rows, context), the first and the last-plus-one place of its stretch.

    A stretch is a run of readable tokens of one document in one row; places count through all rows.
    """
    same = np.zeros(documents.shape, dtype=np.bool_)
    same[:, 1:] = (documents[:, 1:] == documents[:, :-1]) & readable[:, 1:] & readable[:, :-1]
    firsts = np.flatnonzero(~same)
    lengths = np.diff(firsts, append=same.size)
    return (
        np.repeat(firsts, lengths).astype(np.int32),
        np.repeat(firsts + lengths, lengths).astype(np.int32),
    )


def bounds(
    first: NDArray[np.int32], last: NDArray[np.int32], window: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the window around each token, in places: `window` tokens, fewer where the stretch is shorter.

    The token stands in the middle, or nearer to an end of the stretch where the window would reach past it.
    """
    places = np.arange(len(first), dtype=np.int32)
    start = np.minimum(places - window // 2, last - window)
    start = np.maximum(start, first).astype(np.int32)
    return start, np.minimum(start + window, last).astype(np.int32)


def text_hashes(
    tokens: NDArray[np.int32], start: NDArray[np.int32], stop: NDArray[np.int32], window: int
) -> NDArray[np.uint64]:
    """Hash the tokens of each window: equal windows, and only they (but for one in 2**64), have equal hashes."""
    hashes = np.full(len(start), 0x9E3779B97F4A7C15, dtype=np.uint64)
    words = tokens.astype(np.uint64)
    for offset in range(window):
        inside = start + offset < stop
        word = words[np.minimum(start + offset, len(words) - 1)]
        hashes = np.where(inside, scramble(hashes * np.uint64(3) + word), hashes)
    return hashes
