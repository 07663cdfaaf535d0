"""The loops that find what fires, against sorting everything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from autointerp.subject.scanning import largest

WHOLE = st.integers(-4, 4).map(float)  # often equal
NUMBERS = st.one_of(WHOLE, st.floats(-9, 9, width=32), st.just(float("nan")))


def found(dense: NDArray[np.float32], bias: NDArray[np.float32], k: int) -> list[dict[int, float] | None]:
    features, values = np.empty(len(dense) * k, np.int32), np.empty(len(dense) * k, np.float32)
    counts = largest(dense, bias, np.full(dense.shape[1], 2.0, np.float32), k, features, values)
    rows = [slice(k * row, k * row + count) for row, count in enumerate(counts)]
    assert all(np.all(np.diff(features[row]) > 0) for row in rows if row.stop >= row.start)
    return [
        None if counts[i] < 0 else dict(zip(features[row].tolist(), values[row].tolist(), strict=True))
        for i, row in enumerate(rows)
    ]


def expected(row: NDArray[np.float32], k: int) -> dict[int, float] | None:
    if np.isnan(row).any():
        return None
    firing = [i for i in np.argsort(-row, kind="stable").tolist() if row[i] > 0]
    if len(firing) > k and row[firing[k - 1]] == row[firing[k]]:
        return None
    return {i: float(row[i]) for i in firing[:k]}


@given(st.data(), st.integers(1, 5), st.integers(1, 100), st.integers(1, 7))
def test_the_largest_entries_are_those_of_a_sorted_row(data: st.DataObject, rows: int, width: int, k: int) -> None:
    dense = data.draw(arrays(np.float32, (rows, width), elements=NUMBERS))
    bias = data.draw(arrays(np.float32, width, elements=WHOLE))

    assert found(dense, bias, k) == [expected((row + bias) * np.float32(2), k) for row in dense]


@pytest.mark.parametrize("width", [31, 32, 500, 4_096])
def test_rows_of_very_different_size_are_no_guide_to_each_other(width: int) -> None:
    rng = np.random.default_rng(width)
    scale = 10.0 ** rng.integers(-6, 6, (40, 1))
    dense: NDArray[np.float32] = np.asarray(rng.standard_normal((40, width)) * scale, dtype=np.float32)
    bias = np.zeros(width, np.float32)

    assert found(dense, bias, 9) == [expected(row * np.float32(2), 9) for row in dense]
