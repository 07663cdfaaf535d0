"""The interval covers the truth as often as it claims, and is the same for the same generator."""

import numpy as np
import pytest

from autointerp.analysis import bootstrap
from autointerp.domain.seeds import rng_for


def mean(totals: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return totals[:, 0] / totals[:, 1]


def columns(outcomes: np.ndarray) -> np.ndarray:
    return np.stack([outcomes, np.ones_like(outcomes)], axis=1).astype(float)


def test_the_interval_covers_the_true_share_about_nineteen_times_in_twenty() -> None:
    covered = 0
    for repetition in range(300):
        outcomes = rng_for(0, "outcomes", repetition).random(100) < 0.7
        found = bootstrap.interval(columns(outcomes), mean, resamples=400, rng=rng_for(0, "resamples", repetition))
        assert found is not None
        covered += found[0] <= 0.7 <= found[1]

    assert 0.90 <= covered / 300 <= 0.98


def test_windows_are_resampled_whole() -> None:
    lone = columns(np.array([0.0, 1.0] * 20))
    tied = np.array([[0.0, 10.0], [10.0, 10.0]] * 2)  # the same forty answers, but only four windows

    narrow = bootstrap.interval(lone, mean, resamples=2_000, rng=rng_for(0, "a"))
    wide = bootstrap.interval(tied, mean, resamples=2_000, rng=rng_for(0, "a"))

    assert narrow is not None
    assert wide is not None
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_the_same_generator_gives_the_same_interval() -> None:
    sums = columns(rng_for(1, "x").random(30))

    first = bootstrap.interval(sums, mean, resamples=100, rng=rng_for(2, "y"))

    assert first == bootstrap.interval(sums, mean, resamples=100, rng=rng_for(2, "y"))


def test_drawing_how_often_equal_rows_come_is_drawing_rows() -> None:
    sums = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [2.0, 3.0], [0.0, 0.0]] * 8)
    one_by_one = [mean(drawn.astype(float) @ sums) for drawn in bootstrap.draws(len(sums), 20_000, rng_for(0, "rows"))]

    found = bootstrap.interval(sums, mean, resamples=20_000, rng=rng_for(0, "counts"))

    assert found == pytest.approx(bootstrap.between(one_by_one), abs=0.01)
    assert found != (0.0, 1.0)


@pytest.mark.parametrize("sums", [np.zeros((0, 2)), np.zeros((4, 2))])
def test_where_nothing_is_defined_there_is_no_interval(sums: np.ndarray) -> None:
    assert bootstrap.interval(sums, mean, resamples=10, rng=rng_for(0)) is None


def test_many_rows_are_drawn_in_parts_that_fit_in_memory() -> None:
    parts = list(bootstrap.draws(50_000, 100, rng_for(0, "parts")))

    assert [len(part) for part in parts] == [20] * 5
    assert {int(total) for part in parts for total in part.sum(axis=1)} == {50_000}
