"""Activations that are NaN or infinite: counted, never kept, and told where they were."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Broken:
    """How many there are, and the first contexts that hold some."""

    count: int
    contexts: tuple[int, ...]

    @classmethod
    def none(cls) -> "Broken":
        """Return that there is none."""
        return cls(0, ())

    @classmethod
    def of(cls, array: NDArray[np.int64]) -> "Broken":
        """Take over what `array` returned."""
        count, *contexts = array.tolist()
        return cls(count, tuple(contexts))

    def array(self) -> NDArray[np.int64]:
        """Return the count and the contexts as one array, as a shard keeps them."""
        return np.array([self.count, *self.contexts], dtype=np.int64)

    def add(self, contexts: NDArray[np.int64]) -> "Broken":
        """Count one more in each of these contexts."""
        if len(contexts) == 0:
            return self
        return self.merge(Broken(len(contexts), tuple(np.unique(contexts)[:_NAMED].tolist())))

    def merge(self, other: "Broken") -> "Broken":
        """Add what was counted elsewhere."""
        contexts = sorted({*self.contexts, *other.contexts})[:_NAMED]
        return Broken(self.count + other.count, tuple(contexts))
