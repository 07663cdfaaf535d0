"""Calibrations bring predictions to the scale of the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autointerp.analysis.calibration import Method, deviations_explained, fit, squares_explained

values = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=10)


def test_without_a_calibration_predictions_stay_as_they_are() -> None:
    fitted = fit("none", predicted=[], true=[])

    assert fitted is not None
    assert fitted(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=10))
def test_linear_is_scipys_regression(pairs: list[tuple[int, int]]) -> None:
    predicted, true = [float(p) for p, _ in pairs], [float(t) for _, t in pairs]
    fitted = fit("linear", predicted=predicted, true=true)
    line = stats.linregress(predicted, true) if len(set(predicted)) > 1 else None
    if line is None or line.slope <= 1e-12:
        assert fitted is None or (line is not None and abs(line.slope) < 1e-9)
        return

    assert fitted is not None
    assert fitted(np.array([0.0, 5.0])) == pytest.approx([line.intercept, line.intercept + 5 * line.slope], abs=1e-9)


def test_percentile_matching_gives_the_kth_smallest_the_kth_smallest() -> None:
    fitted = fit("percentile", predicted=[3, 0, 5], true=[10, 2, 40])

    assert fitted is not None
    assert fitted(np.array([0.0, 3.0, 4.0, 5.0, 9.0])).tolist() == [2.0, 10.0, 25.0, 40.0, 40.0]


def test_equal_predictions_get_the_mean_of_what_they_are_matched_with() -> None:
    fitted = fit("percentile", predicted=[0, 0, 0, 9], true=[0, 0, 3, 8])

    assert fitted is not None
    assert fitted(np.array([0.0, 9.0])).tolist() == [1.0, 8.0]


@given(values, st.randoms(use_true_random=False))
def test_percentile_matching_never_turns_an_order_around(predicted: list[float], random) -> None:  # noqa: ANN001
    true = [random.random() for _ in predicted]
    fitted = fit("percentile", predicted=predicted, true=true)

    assert fitted is not None
    assert (np.diff(fitted(np.linspace(-1, 7, 30))) >= 0).all()


@pytest.mark.parametrize("method", ["linear", "percentile"])
def test_nothing_is_fitted_to_nothing(method: Method) -> None:
    assert fit(method, predicted=[], true=[]) is None


def test_what_is_explained_is_measured_from_zero_and_not_from_the_mean() -> None:
    true, predicted = np.array([3.0, 4.0]), np.array([3.0, 0.0])

    assert squares_explained(true, predicted) == pytest.approx(1 - 16 / 25)
    assert deviations_explained(true, predicted) == pytest.approx(1 - 4 / 7)
    assert squares_explained(np.zeros(2), predicted) is None
    assert deviations_explained(np.zeros(2), predicted) is None
