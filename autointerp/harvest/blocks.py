"""The corpus text that examples are cut from: blocks of tokens, kept once and only while an example needs them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.harvest.ragged import offsets_of, ranges
from autointerp.harvest.rows import Page

BLOCK = 32
WindowColumns = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]  # context, start, length


class Blocks:
    """Blocks of `BLOCK` tokens of the corpus by number, in order; the last block of a row is filled up with zeros."""

    def __init__(self, context: int) -> None:
        self.per_row = -(-context // BLOCK)
        self.number: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.tokens: NDArray[np.int32] = np.zeros((0, BLOCK), dtype=np.int32)
        self._pending: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = []

    def __len__(self) -> int:
        return len(self.number) + sum(len(number) for number, _ in self._pending)

    def add(self, page: Page) -> None:
        """Keep the text of a page."""
        rows = page.tokens.reshape(-1, page.context)
        filled = np.zeros((len(rows), self.per_row * BLOCK), dtype=np.int32)
        filled[:, : page.context] = rows
        numbers = np.arange(len(rows) * self.per_row) + page.first * self.per_row
        self._pending.append((numbers, filled.reshape(-1, BLOCK)))

    def merge(self, other: "Blocks") -> None:
        """Keep what another one keeps as well."""
        self._pending += [(other.number, other.tokens), *other._pending]

    def keep(self, windows: Iterable[WindowColumns]) -> None:
        """Drop every block that none of these windows touches."""
        number = np.concatenate([self.number, *(number for number, _ in self._pending)])
        tokens = np.concatenate([self.tokens, *(tokens for _, tokens in self._pending)])
        self.number, first = np.unique(number, return_index=True)
        touched = np.zeros(int(self.number[-1]) + 1 if len(self.number) else 0, dtype=np.bool_)
        for context, start, length in windows:
            _touch(touched, context, start, length, self.per_row)
        chosen = touched[self.number]
        self.number, self.tokens, self._pending = self.number[chosen], tokens[first[chosen]], []

    def read(
        self, context: NDArray[np.int64], start: NDArray[np.int32], length: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the offsets and the tokens of these windows; their blocks must have been kept."""
        position = ranges(start, length)
        first = start // BLOCK
        # The blocks of a window have consecutive numbers and are all kept, so they lie one behind the other.
        row = np.searchsorted(self.number, context * self.per_row + first) - first
        return offsets_of(length), self.tokens[np.repeat(row, length) + position // BLOCK, position % BLOCK]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as a shard keeps them."""
        return {"number": self.number, "tokens": self.tokens}

    def load(self, arrays: dict[str, NDArray[Any]]) -> "Blocks":
        """Take over what `arrays` returned."""
        self._pending.append((np.asarray(arrays["number"]), np.asarray(arrays["tokens"])))
        return self


@compiled
def _touch(
    touched: NDArray[np.bool_],
    context: NDArray[np.int64],
    start: NDArray[np.int32],
    length: NDArray[np.int32],
    per_row: int,
) -> None:
    """Mark the blocks that the windows touch."""
    for i in range(len(context)):
        row = context[i] * per_row
        touched[row + start[i] // BLOCK : row + (start[i] + length[i] - 1) // BLOCK + 1] = True
