"""Exact sums of float32 values, and of their squares, for many features at once.

A float32 is an integer of 24 bits times a power of two, so a sum of them is an integer multiple of 2**-149 (of their
squares, 2**-298). Each feature has a row of int64 cells, one a byte of that integer; a value adds its integer,
shifted by less than a byte, to one cell (a square, in two halves, to two). Integer addition is associative and
commutative, so any order and grouping of the same values leaves the same cells. A cell overflows after 2**32 values.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled

SUM_CELLS = 32
SQUARE_CELLS = 67
_SUM_UNIT = 2**149
_SQUARE_UNIT = 2**298
_HALF = 24


@compiled
def _parts(bits: np.uint32) -> tuple[np.int64, np.int64]:
    """Split a positive value into an integer of 24 bits and its shift: value = integer * 2**(shift - 149)."""
    exponent, integer = np.int64(bits >> 23), np.int64(bits & 0x7FFFFF)
    if exponent > 0:
        return integer | (1 << 23), exponent - 1
    return integer, np.int64(0)


@compiled
def add_sums(cells: NDArray[np.int64], features: NDArray[np.int32], values: NDArray[np.float32]) -> None:
    """Add each positive value to its feature's row of `cells` (feature, SUM_CELLS), in place."""
    bits = values.view(np.uint32)
    for i in range(len(values)):
        integer, shift = _parts(bits[i])
        cells[features[i], shift >> 3] += integer << (shift & 7)


@compiled
def add_squares(cells: NDArray[np.int64], features: NDArray[np.int32], values: NDArray[np.float32]) -> None:
    """Add each positive value's square to its feature's row of `cells` (feature, SQUARE_CELLS), in place."""
    bits = values.view(np.uint32)
    for i in range(len(values)):
        integer, shift = _parts(bits[i])
        square, shift = integer * integer, shift * 2
        cells[features[i], shift >> 3] += (square & ((1 << _HALF) - 1)) << (shift & 7)
        cells[features[i], (shift >> 3) + 3] += (square >> _HALF) << (shift & 7)


def sums(cells: NDArray[np.int64]) -> list[float]:
    """Return the sum of each row made by `add_sums`, correctly rounded."""
    return [_total(row, _SUM_UNIT) for row in cells]


def sums_of_squares(cells: NDArray[np.int64]) -> list[float]:
    """Return the sum of each row made by `add_squares`, correctly rounded."""
    return [_total(row, _SQUARE_UNIT) for row in cells]


def _total(row: NDArray[np.int64], unit: int) -> float:
    """Add the cells up: those eight apart make one long integer, and dividing two integers rounds correctly."""
    total = sum(int.from_bytes(row[i::8].tobytes(), sys.byteorder) << (8 * i) for i in range(8))
    return total / unit
