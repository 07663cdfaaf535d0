"""Sums are exact, whatever the order and the grouping."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest import exact

positive = st.floats(min_value=2.0**-149, max_value=2.0**127, width=32)


@given(st.lists(st.tuples(st.integers(0, 2), positive), max_size=60))
def test_sums_equal_those_of_rational_numbers_correctly_rounded(firings: list[tuple[int, float]]) -> None:
    features = np.array([f for f, _ in firings], dtype=np.int32)
    values = np.array([v for _, v in firings], dtype=np.float32)
    sums = np.zeros((3, exact.SUM_CELLS), dtype=np.int64)
    squares = np.zeros((3, exact.SQUARE_CELLS), dtype=np.int64)

    exact.add_sums(sums, features, values)
    exact.add_squares(squares, features, values)

    mine = [[Fraction(v) for f, v in firings if f == feature] for feature in range(3)]
    assert [float(sum(vs)) for vs in mine] == exact.sums(sums)
    assert [float(sum(v * v for v in vs)) for vs in mine] == exact.sums_of_squares(squares)


@given(st.lists(positive, min_size=1, max_size=60), st.randoms(use_true_random=False), st.integers(0, 60))
def test_any_order_and_grouping_leaves_the_same_cells(values: list[float], random: object, cut: int) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    whole = np.zeros((1, exact.SQUARE_CELLS), dtype=np.int64)
    parts = np.zeros((1, exact.SQUARE_CELLS), dtype=np.int64)

    exact.add_squares(whole, np.zeros(len(values), np.int32), np.array(values, np.float32))
    for part in (shuffled[:cut], shuffled[cut:]):
        exact.add_squares(parts, np.zeros(len(part), np.int32), np.array(part, np.float32))

    assert np.array_equal(whole, parts)
