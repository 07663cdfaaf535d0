"""Exact sums of float32 values, and of their squares, for many features at once.

A float32 is an integer of 24 bits times a power of two, so a sum of them is an integer multiple of 2**-149 (of their
squares, 2**-298). Each feature has a row of int64 cells, one a byte of that integer; a value adds its integer,
shifted by less than a byte, to one cell (a square, in two halves, to two). Integer addition is associative and
commutative, so any order and grouping of the same values leaves the same cells. A cell overflows after 2**32 values.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

SUM_CELLS = 32
SQUARE_CELLS = 67
_SUM_UNIT = 2**149
_SQUARE_UNIT = 2**298
_HALF = np.int64(24)


def _parts(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split positive values into an integer of 24 bits and its shift: value = integer * 2**(shift - 149)."""
    bits = values.view(np.uint32).astype(np.int64)
    exponents = bits >> 23
    integers = (bits & 0x7FFFFF) | ((exponents > 0).astype(np.int64) << 23)
    return integers, np.maximum(exponents, 1) - 1


def add_sums(cells: NDArray[np.int64], features: NDArray[np.int32], values: NDArray[np.float32]) -> None:
    """Add each positive value to its feature's row of `cells` (feature, SUM_CELLS), in place."""
    integers, shifts = _parts(values)
    rows = features.astype(np.int64) * SUM_CELLS
    np.add.at(cells.reshape(-1), rows + (shifts >> 3), integers << (shifts & 7))


def add_squares(cells: NDArray[np.int64], features: NDArray[np.int32], values: NDArray[np.float32]) -> None:
    """Add each positive value's square to its feature's row of `cells` (feature, SQUARE_CELLS), in place."""
    integers, shifts = _parts(values)
    squares, shifts = integers * integers, shifts * 2
    at = features.astype(np.int64) * SQUARE_CELLS + (shifts >> 3)
    flat = cells.reshape(-1)
    np.add.at(flat, at, (squares & ((1 << _HALF) - 1)) << (shifts & 7))
    np.add.at(flat, at + 3, (squares >> _HALF) << (shifts & 7))


def sums(cells: NDArray[np.int64]) -> list[float]:
    """Return the sum of each row made by `add_sums`, correctly rounded."""
    return [_total(row, _SUM_UNIT) for row in cells]


def sums_of_squares(cells: NDArray[np.int64]) -> list[float]:
    """Return the sum of each row made by `add_squares`, correctly rounded."""
    return [_total(row, _SQUARE_UNIT) for row in cells]


def _total(row: NDArray[np.int64], unit: int) -> float:
    used = np.flatnonzero(row)
    return float(Fraction(sum(int(row[i]) << (8 * int(i)) for i in used), unit))
