"""Levels: activations as a few whole numbers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.analysis.levels import interval_of, quantise, share_of_firings
from autointerp.domain.features import BINS, BINS_PER_OCTAVE, LOWEST_EXPONENT


def test_levels_are_rounded_up_so_that_only_silence_is_zero() -> None:
    assert quantise([0.0, 0.001, 1.0, 4.0, 8.0, 8.004, -1.0], strongest=8.0, most=9) == (0, 1, 2, 5, 9, 9, 0)
    assert quantise([0.0, 0.01, 5.0, 5.01, 10.0, 10.4, -1.0], strongest=10.0, most=10) == (0, 1, 5, 6, 10, 10, 0)


@given(st.lists(st.floats(0, 10, width=16), max_size=8), st.integers(1, 10))
def test_a_stronger_activation_never_has_a_lower_level(activations: list[float], most: int) -> None:
    levels = quantise(sorted(activations), strongest=10.0, most=most)

    assert list(levels) == sorted(levels)
    assert all(0 <= level <= most for level in levels)


def test_a_dead_feature_has_no_levels() -> None:
    assert quantise([0.0, 0.0], strongest=0.0, most=9) == (0, 0)


@pytest.mark.parametrize(("activation", "place"), [(0.01, 0), (1.0, 0), (1.01, 1), (11.5, 11), (12.0, 11), (12.01, 11)])
def test_an_interval_holds_its_upper_end(activation: float, place: int) -> None:
    assert interval_of(activation, strongest=12.0, intervals=12) == place


def test_the_shares_of_all_intervals_add_up_and_follow_the_histogram() -> None:
    histogram = [0] * BINS
    place = -LOWEST_EXPONENT * BINS_PER_OCTAVE  # begins at 1
    histogram[place], histogram[place + 4] = 30, 10  # from 1 to 2**0.25, from 2 to 2 * 2**0.25

    assert share_of_firings(histogram, low=0.5, high=1.5) == pytest.approx(0.75)
    assert share_of_firings(histogram, low=2.0, high=1 + 2**0.25) == pytest.approx(0.125)
    edges = np.linspace(0, 3, 13)
    assert sum(share_of_firings(histogram, low=a, high=b) for a, b in pairwise(edges)) == pytest.approx(1)


def test_without_firings_no_share_is_there() -> None:
    assert share_of_firings([0] * BINS, low=0, high=9) == 0.0


@pytest.mark.parametrize(("tail", "least"), [("half-normal", 0.985), ("exponential", 0.96), ("log-normal", 0.85)])
def test_ten_levels_cost_a_perfect_predictor_little_unless_the_tail_is_heavy(tail: str, least: float) -> None:
    rng = np.random.default_rng(0)
    size = 20_000
    drawn = {
        "half-normal": np.abs(rng.normal(size=size)),
        "exponential": rng.exponential(size=size),
        "log-normal": rng.lognormal(size=size),
    }[tail]
    fires = rng.random(size) < 0.05
    true = np.where(fires, drawn, 0.0)

    levels = quantise(true.tolist(), strongest=float(true.max()), most=10)

    assert np.corrcoef(true, levels)[0, 1] > least
    assert np.corrcoef(true, fires)[0, 1] < 0.85  # knowing only where it fires is worth less
