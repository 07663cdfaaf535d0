"""Scores put together say where they lie, and how many are not there and why."""

import numpy as np
import pytest

from autointerp.analysis.aggregates import aggregate, count_reasons
from autointerp.domain.seeds import rng_for


def test_scores_are_put_together() -> None:
    values = rng_for(0, "values").random(41)

    found = aggregate(list(values), ["silent", "silent"], features=50, rng=rng_for(0, "test"))

    assert (found.scored, found.undefined, found.missing) == (41, {"silent": 2}, 7)
    assert found.mean == pytest.approx(values.mean())
    assert (found.lower_quartile, found.median, found.upper_quartile) == tuple(np.quantile(values, [0.25, 0.5, 0.75]))
    half = 1.96 * values.std(ddof=1) / np.sqrt(41)
    assert found.interval == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


def test_without_a_score_there_are_no_numbers() -> None:
    found = aggregate([], ["silent"], features=1, rng=rng_for(0))

    assert (found.mean, found.interval, found.median, found.missing) == (None, None, None, 0)


def test_a_single_score_has_no_interval() -> None:
    found = aggregate([0.5], [], features=1, rng=rng_for(0))

    assert (found.mean, found.median, found.interval) == (0.5, 0.5, None)


def test_reasons_that_differ_in_numbers_are_one() -> None:
    reasons = [f"only {count} firing examples; 10 are needed" for count in (3, 7, 3)]

    found = count_reasons([*reasons, "the prediction is constant", "only 4 silent examples; 10 are needed"])

    assert list(found.items()) == [
        ("only 3–7 firing examples; 10 are needed", 3),
        ("only 4 silent examples; 10 are needed", 1),
        ("the prediction is constant", 1),
    ]


def test_no_reason_is_no_count() -> None:
    assert count_reasons([]) == {}
