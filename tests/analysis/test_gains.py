"""Scores of gains in log-probability."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from autointerp.analysis.gains import auroc_interval, mean_gain, separation
from autointerp.analysis.metrics import auroc
from autointerp.analysis.summary import Metric, everything
from autointerp.domain.examples import Group, Kind
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.scores import Trial
from autointerp.domain.seeds import rng_for

GAINS = st.floats(-50, 50).map(lambda x: round(x, 2))


def trial(i: int, gain: float | None, *, fires: bool) -> Trial:
    unread = Answer(None, unread=UnreadKind.MALFORMED)
    answer = unread if gain is None else Answer(gain > 0, gain, Confidence.GAIN)
    return Trial(Group(Kind.QUANTILE, i % 2) if fires else Group(Kind.RANDOM), (i, 0), fires, answer)


def trials(firing: list[float], silent: list[float]) -> list[Trial]:
    rows = [(gain, True) for gain in firing] + [(gain, False) for gain in silent]
    return [trial(i, gain, fires=fires) for i, (gain, fires) in enumerate(rows)]


def rng() -> np.random.Generator:
    return rng_for(1, "gains")


@given(st.lists(GAINS, min_size=2, max_size=30), st.lists(GAINS, min_size=2, max_size=30))
def test_the_separation_is_the_share_of_pairs_in_the_right_order(firing: list[float], silent: list[float]) -> None:
    found = separation(trials(firing, silent), headline=everything, rng=rng())

    if len({*firing, *silent}) == 1:
        assert found.value is None
        assert found.undefined is not None
        return
    pairs = [(a > b) + (a == b) / 2 for a in firing for b in silent]
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.metric is Metric.AUROC
    assert found.interval is not None
    assert 0 <= found.interval[0] <= found.interval[1] <= 1


def test_equal_gains_everywhere_separate_nothing_and_are_no_coin() -> None:
    found = separation(trials([0.5] * 5, [0.5] * 6), headline=everything, rng=rng())

    assert (found.value, found.interval) == (None, None)
    assert found.undefined == "the gain is 0.5 nats in each of 11 windows"
    assert (found.asked, found.answered) == (11, 11)


def test_unread_windows_are_counted_and_left_out() -> None:
    mixed = [*trials([3, 2, 1], [0, -1, -2]), trial(7, None, fires=True), trial(8, None, fires=False)]

    found = separation(mixed, headline=everything, rng=rng())

    assert found.value == 1.0
    assert (found.asked, found.answered, dict(found.unread)) == (8, 6, {"malformed": 2})


def test_without_a_firing_window_that_was_read_the_separation_is_undefined_for_that_reason() -> None:
    found = separation([trial(0, None, fires=True), trial(1, 2.0, fires=False)], headline=everything, rng=rng())

    assert found.value is None
    assert found.metric is Metric.AUROC
    assert found.undefined == "no answer on any of 1 positive examples (1 malformed)"


def test_only_the_headline_counts_and_the_others_stand_in_the_breakdown() -> None:
    hard = Trial(Group(Kind.SAME_TOKEN), (9, 0), False, Answer(True, 9.0, Confidence.GAIN))

    found = separation(
        [*trials([3, 2], [1, -1]), hard], headline=lambda t: t.group.kind is not Kind.SAME_TOKEN, rng=rng()
    )

    assert found.value == 1.0
    shown = [(group.group, group.asked, group.correct, group.mean_confidence) for group in found.breakdown]
    assert shown == [("quantile 0", 1, 1, 3), ("quantile 1", 1, 1, 2), ("random", 2, 1, 0), ("same_token", 1, 0, 9)]
    assert (found.metrics["tpr"], found.metrics["fpr"]) == (1.0, 0.5)


def test_the_interval_of_an_auroc_is_that_of_a_plain_bootstrap() -> None:
    draw = np.random.default_rng(5)
    truths = np.arange(60) < 25
    values = draw.normal(size=60) + truths

    found = auroc_interval(truths, values, 4_000, rng())

    plain: list[float] = []
    for _ in range(4_000):
        drawn = draw.integers(60, size=60)
        value = auroc(truths[drawn], values[drawn])
        assert value is not None
        plain.append(value)
    assert found == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.01)


def test_the_mean_gain_has_the_interval_of_a_mean() -> None:
    gains = np.random.default_rng(3).normal(0.4, 1, size=80)

    found = mean_gain([trial(i, gain, fires=True) for i, gain in enumerate(gains.tolist())], rng=rng())

    assert found.value == pytest.approx(gains.mean())
    assert found.metric is Metric.GAIN
    half = scipy.stats.sem(gains) * 1.96
    assert found.interval == pytest.approx((gains.mean() - half, gains.mean() + half), abs=0.03)
    assert found.metrics == {"accuracy": pytest.approx(np.mean(gains > 0)), "tied": 0.0}


def test_no_gain_at_all_is_a_mean_of_zero_and_neither_right_nor_wrong() -> None:
    found = mean_gain([trial(i, 0.0, fires=True) for i in range(6)], rng=rng())

    assert (found.value, found.interval) == (0.0, (0.0, 0.0))
    assert found.metrics == {"accuracy": 0.5, "tied": 1.0}


def test_where_nothing_was_read_the_mean_gain_is_undefined() -> None:
    found = mean_gain([trial(i, None, fires=True) for i in range(3)], rng=rng())

    assert (found.value, found.interval, found.metric) == (None, None, Metric.GAIN)
    assert found.undefined == "no answer to any of 3 questions"
    assert dict(found.unread) == {"malformed": 3}
