"""Candidates: peaks that may become examples, each with its window's activations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest.ragged import pick

SMALLEST, LARGEST = np.float32(2.0**-24), np.float32(65504)


@dataclass(frozen=True, eq=False, slots=True)
class Candidates:
    """`n` peaks of one SAE, one entry each, and behind them the firings of their windows, `count[i]` of peak i.

    `slot` is feature * 3 + split. `best`: the strongest of its feature in its row and split. `priority` is lower for
    what is sampled earlier. `peak` and `start` are positions in the row `context`; `text` is the hash of the window's
    tokens, `at` a firing's position in its window and `act` its activation in float16, never rounded to zero or to
    infinity.
    """

    slot: NDArray[np.int32]
    value: NDArray[np.float32]
    bin: NDArray[np.uint8]
    best: NDArray[np.bool_]
    priority: NDArray[np.uint64]
    context: NDArray[np.int64]
    document: NDArray[np.int64]
    peak: NDArray[np.int32]
    start: NDArray[np.int32]
    length: NDArray[np.int32]
    text: NDArray[np.uint64]
    count: NDArray[np.int32]
    at: NDArray[np.uint16]
    act: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.slot)

    @classmethod
    def empty(cls) -> "Candidates":
        """Return no candidates."""
        columns: dict[str, Any] = {name: np.zeros(0, dtype=dtype) for name, dtype in _DTYPES.items()}
        return cls(**columns)

    @classmethod
    def join(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """Return all candidates of `parts`, one after the other."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in _DTYPES})

    def take(self, index: NDArray[np.int64]) -> "Candidates":
        """Return the candidates at `index`, in that order."""
        columns = {name: getattr(self, name)[index] for name in _DTYPES if name not in ("at", "act")}
        # Half-precision numbers are moved as the bits they are.
        bits = pick(self.act.view(np.uint16), self.count, index)
        return Candidates(**columns, at=pick(self.at, self.count, index), act=bits.view(np.float16))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as a shard keeps them."""
        return {name: getattr(self, name) for name in _DTYPES}


_DTYPES: dict[str, Any] = {
    "slot": np.int32,
    "value": np.float32,
    "bin": np.uint8,
    "best": np.bool_,
    "priority": np.uint64,
    "context": np.int64,
    "document": np.int64,
    "peak": np.int32,
    "start": np.int32,
    "length": np.int32,
    "text": np.uint64,
    "count": np.int32,
    "at": np.uint16,
    "act": np.float16,
}


def as_float16(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round positive values to float16, those beyond its range to its smallest or largest positive number."""
    return np.clip(values, SMALLEST, LARGEST).astype(np.float16)
