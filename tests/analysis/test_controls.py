"""Scores against their controls: on the same explanations, with what is undefined left out and counted."""

import numpy as np
import pytest

from autointerp.analysis.controls import Measure, Measured, against

DETECTION = Measure(0, "default", 0, "detection")
FUZZING = Measure(0, "default", 1, "fuzzing")


def scored(control: str, values: dict[int, float | None], measure: Measure = DETECTION) -> list[Measured]:
    """A score of each explanation."""
    return [Measured(measure, control, "llm", "balanced_accuracy", key, value) for key, value in values.items()]


def test_the_means_are_over_the_explanations_that_have_both() -> None:
    rows = scored("", {1: 0.9, 2: 0.7, 3: 0.1}) + scored("shuffled", {1: 0.5, 2: 0.3})

    (found,) = against(rows, seed=0)

    assert (2, 0, "shuffled") == (found.features, found.undefined, found.control)
    assert (pytest.approx(0.8), pytest.approx(0.4)) == (found.score, found.control_score)
    assert found.interval == (pytest.approx(0.4), pytest.approx(0.4))


def test_a_side_without_a_value_leaves_the_pair_out_and_is_counted() -> None:
    rows = scored("", {1: 0.9, 2: None, 3: 0.8}) + scored("always_no", {1: 0.5, 2: 0.5, 3: None})

    (found,) = against(rows, seed=0)

    assert (1, 2) == (found.features, found.undefined)
    assert (0.9, 0.5, None) == (found.score, found.control_score, found.interval)


def test_where_nothing_is_defined_there_is_no_mean() -> None:
    (found,) = against(scored("", {1: None}) + scored("shuffled", {1: 0.5}), seed=0)

    assert (0, 1, None, None, None) == (
        found.features,
        found.undefined,
        found.score,
        found.control_score,
        found.interval,
    )


def test_random_directions_are_held_against_the_whole_sample() -> None:
    rows = scored("", {1: 0.9, 2: 0.7}) + scored("random_direction", {11: 0.6, 12: 0.5, 13: None})

    (found,) = against(rows, seed=0)

    assert (2, 1) == (found.features, found.undefined)
    assert (pytest.approx(0.8), pytest.approx(0.55)) == (found.score, found.control_score)
    assert found.interval is not None
    assert found.interval[0] < 0.25 < found.interval[1]


def test_scorers_and_controls_stand_in_the_order_of_the_run() -> None:
    rows = [
        *scored("always_no", {1: 0.5}),
        *scored("", {1: 0.9}, FUZZING),
        *scored("shuffled", {1: 0.6}, FUZZING),
        *scored("shuffled", {1: 0.6}),
        *scored("", {1: 0.9}),
    ]

    found = [(one.measure.scorer, one.control) for one in against(rows, seed=0)]

    assert found == [("detection", "shuffled"), ("detection", "always_no"), ("fuzzing", "shuffled")]


def test_a_control_without_scores_proper_says_nothing() -> None:
    assert against(scored("shuffled", {1: 0.5}), seed=0) == ()


def test_the_interval_is_that_of_a_paired_bootstrap() -> None:
    rng = np.random.default_rng(0)
    base, gain = rng.normal(size=200), rng.normal(0.3, 0.1, size=200)
    rows = scored("", dict(enumerate((base + gain).tolist()))) + scored("shuffled", dict(enumerate(base.tolist())))

    (found,) = against(rows, seed=0)

    half = 1.96 * gain.std() / np.sqrt(200)  # the spread of `base`, ten times as wide, cancels
    assert found.interval == (
        pytest.approx(gain.mean() - half, abs=0.004),
        pytest.approx(gain.mean() + half, abs=0.004),
    )
