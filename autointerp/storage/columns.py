"""Arrays one after the other as bytes, little-endian, and back: what packed records are laid out of."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

NARROW = 1 << 16  # numbers below it take two bytes


def joined(header: bytes, columns: Iterable[tuple[NDArray[Any], str]]) -> bytes:
    """Return a header with columns behind it, each as numbers of its type."""
    return b"".join([header, *(column.astype(dtype, copy=False).tobytes() for column, dtype in columns)])


class Columns:
    """Takes columns one after the other, from `offset` on."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self._offset = offset

    @property
    def finished(self) -> bool:
        """Whether nothing is left."""
        return self._offset == len(self.data)

    def take(self, dtype: str, count: int) -> NDArray[Any]:
        """Return the next `count` numbers."""
        column = np.frombuffer(self.data, dtype=np.dtype(dtype), count=count, offset=self._offset)
        self._offset += column.nbytes
        return column
