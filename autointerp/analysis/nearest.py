"""The nearest of very many unit vectors, kept in one byte a number, by two looks at them.

The first look compares signs: one bit a number, a tenth of the memory to read and no multiplication. The second
computes the cosine similarity of the best of those from the bytes.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

LEVELS = 127
BLOCK = 1 << 15  # vectors looked at together: their bits stay in the cache
THREADS = 2
BEST = 4_000  # vectors of the first look that get a second one; of fewer, all do
CENTRED = 20_000  # vectors that tell what all have in common


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return (n, d) whole numbers and (n,) scales, whose products differ from the vectors by half a scale at most."""
    scales = np.abs(vectors).max(axis=1, initial=0.0).astype(np.float32) / LEVELS
    scales[scales == 0] = 1.0
    return np.rint(vectors / scales[:, None]).astype(np.int8), scales


class Nearest:
    """Vectors in the order in which they are added; to be searched by one thread at a time."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.size = 0
        self._words = -(-dimensions // 64)
        self._codes = np.empty((0, dimensions), np.int8)
        self._scales = np.empty(0, np.float32)
        self._bits = np.empty((self._words, 0), np.uint64)
        self._centre = np.zeros(dimensions, np.float32)

    @property
    def bytes(self) -> int:
        """How much memory is taken."""
        return self._codes.nbytes + self._scales.nbytes + self._bits.nbytes

    def add(self, codes: NDArray[np.int8], scales: NDArray[np.float32]) -> None:
        """Append (n, dimensions) codes with their scales, as `quantise` returns them."""
        if self.size == 0 and len(codes):
            self._centre = _restored(codes[:CENTRED], scales[:CENTRED]).mean(axis=0)
        self._make_room(self.size + len(codes))
        end = self.size + len(codes)
        self._codes[self.size : end] = codes
        self._scales[self.size : end] = scales
        for first in range(0, len(codes), BLOCK):
            part = slice(first, first + BLOCK)
            bits = self._signs(_restored(codes[part], scales[part]))
            self._bits[:, self.size + first : self.size + first + bits.shape[1]] = bits
        self.size = end

    def search(
        self, query: NDArray[np.float32], count: int, *, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the positions of the `count` nearest to a unit vector among those allowed (None: all), nearest first,
        and their cosine similarities; among more than `BEST`, nearly always those and sometimes the next ones."""
        best = max(BEST, 4 * count)
        found = self._first_look(query, best, allowed)
        similar = _restored(self._codes[found], self._scales[found]) @ query
        order = np.argsort(-similar, kind="stable")[:count]
        return found[order], similar[order]

    def _first_look(self, query: NDArray[np.float32], best: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.intp]:
        """The positions of at least `best` vectors whose signs differ least from the query's, if there are so many."""
        if (self.size if allowed is None else np.count_nonzero(allowed)) <= best:
            return np.arange(self.size) if allowed is None else np.flatnonzero(allowed)
        wanted = self._signs(query[None])
        edges = range(0, self.size, BLOCK)
        distances = list(_threads().map(lambda first: self._distances(wanted, first, allowed), edges))
        counts = sum(np.bincount(part, minlength=64 * self._words + 2) for part in distances)
        limit = int(np.searchsorted(np.cumsum(counts), best))
        return np.concatenate(
            [np.flatnonzero(part <= limit) + first for first, part in zip(edges, distances, strict=True)]
        )

    def _distances(
        self, wanted: NDArray[np.uint64], first: int, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.uint16]:
        """How many signs of each vector of a block differ; one more than all where it is not allowed."""
        last = min(first + BLOCK, self.size)
        differ = np.bitwise_count(self._bits[:, first:last] ^ wanted).sum(axis=0, dtype=np.uint16)
        if allowed is not None:
            differ[~allowed[first:last]] = 64 * self._words + 1
        return differ

    def _signs(self, vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
        """The signs of (n, dimensions) vectors, less what all have in common, as (words, n) bits."""
        padded = np.zeros((len(vectors), 64 * self._words), np.bool_)
        padded[:, : self.dimensions] = vectors > self._centre
        return np.ascontiguousarray(np.packbits(padded, axis=1).view(np.uint64).T)

    def _make_room(self, size: int) -> None:
        room = len(self._scales)
        if size <= room:
            return
        more = max(size, room + room // 4) - room
        self._codes = np.concatenate([self._codes, np.empty((more, self.dimensions), np.int8)])
        self._scales = np.concatenate([self._scales, np.empty(more, np.float32)])
        self._bits = np.concatenate([self._bits, np.empty((self._words, more), np.uint64)], axis=1)


def _restored(codes: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    return codes.astype(np.float32) * scales[:, None]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="nearest")
