"""Bins hold what they say, on the last bit."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.features import BINS, HIGHEST_EXPONENT, LOWEST_EXPONENT
from autointerp.harvest.bins import bins_of


def reaches(value: float, edge: int) -> bool:
    """Whether value >= 2**(LOWEST_EXPONENT + edge / 4), in whole numbers."""
    return Fraction(value) ** 4 >= Fraction(2) ** (4 * LOWEST_EXPONENT + edge)


@given(st.floats(min_value=2.0**LOWEST_EXPONENT, max_value=2.0**HIGHEST_EXPONENT, width=32, exclude_max=True))
def test_a_value_is_in_the_bin_whose_edges_hold_it(value: float) -> None:
    found = int(bins_of(np.array([value], dtype=np.float32))[0])

    assert reaches(value, found)
    assert not reaches(value, found + 1)


def test_the_neighbours_of_every_edge_are_told_apart() -> None:
    edges = np.array([2.0 ** (LOWEST_EXPONENT + b / 4) for b in range(1, BINS)], dtype=np.float32)
    for values in (np.nextafter(edges, np.float32(0)), edges, np.nextafter(edges, np.float32(np.inf))):
        found = bins_of(values)

        assert all(
            reaches(v, int(b)) and not reaches(v, int(b) + 1) for v, b in zip(values.tolist(), found, strict=True)
        )


def test_what_lies_beyond_is_in_the_first_and_last_bin() -> None:
    found = bins_of(np.array([1e-40, 2.0 ** (LOWEST_EXPONENT - 3), 2.0**HIGHEST_EXPONENT, 3e38], dtype=np.float32))

    assert found.tolist() == [0, 0, BINS - 1, BINS - 1]
