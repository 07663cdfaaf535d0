"""Ratings become the specificity over the activation range."""

import numpy as np
import pytest

from autointerp.analysis.ratings import Rating, specificity
from autointerp.domain.examples import Group, Kind
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer
from autointerp.domain.scores import Trial
from autointerp.domain.seeds import rng_for


def rating(group: Group, level: int | None, *, activation: float = 1.0, window: int = 0) -> Rating:
    answer = Answer(None, unread=UnreadKind.PROSE) if level is None else Answer(level == 3)
    return Rating(Trial(group, (window, 0), not group.kind.silent, answer), activation, level)


def test_every_interval_weighs_the_same_however_many_windows_it_has() -> None:
    weak, strong, silent = Group(Kind.INTERVAL, 0), Group(Kind.INTERVAL, 11), Group(Kind.RANDOM)
    levels = [(weak, 0), (weak, 1), (weak, 0), (weak, 1), (strong, 3), (silent, 2), (silent, None), (weak, None)]
    ratings = [rating(group, level, window=i) for i, (group, level) in enumerate(levels)]

    found = specificity(ratings, rng=rng_for(0, "t"))

    assert found.value == (0.5 + 3) / 2
    assert found.metrics["mean_interval_0"] == 0.5
    assert found.metrics["mean_interval_11"] == 3.0
    assert found.metrics["mean_silent"] == 2.0
    assert [found.metrics[f"rated_{level}"] for level in range(4)] == [0.4, 0.4, 0.0, 0.2]
    assert (found.asked, found.answered, dict(found.unread)) == (8, 6, {"prose": 2})
    assert [(g.group, g.asked, g.answered, g.correct) for g in found.breakdown] == [
        ("interval 0", 5, 4, 0),
        ("interval 11", 1, 1, 1),
        ("random", 2, 1, 1),
    ]


def test_without_one_rating_the_score_is_undefined_and_says_why() -> None:
    found = specificity([rating(Group(Kind.INTERVAL, 0), None), rating(Group(Kind.RANDOM), 1)], rng=rng_for(0, "t"))

    assert found.value is None
    assert found.interval is None
    assert found.undefined == "no answer on any of 1 firing windows (1 prose)"
    assert found.metrics["correlation"] is None


def test_the_interval_is_that_of_a_plain_bootstrap_over_windows() -> None:
    rng = np.random.default_rng(5)
    groups = [Group(Kind.INTERVAL, k % 3) for k in range(30)]
    levels = rng.integers(4, size=30)
    ratings = [rating(g, int(level), window=i) for i, (g, level) in enumerate(zip(groups, levels, strict=True))]

    found = specificity(ratings, rng=rng_for(0, "t"))

    drawn = rng.integers(30, size=(4000, 30))
    index = np.array([g.index for g in groups])
    values = [np.mean([levels[d][index[d] == k].mean() for k in range(3) if (index[d] == k).any()]) for d in drawn]
    assert found.interval == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.06)


def test_ratings_that_fall_with_the_activation_correlate_with_it() -> None:
    ratings = [
        rating(Group(Kind.INTERVAL, k), level, activation=float(k), window=k) for k, level in enumerate((0, 1, 2, 3))
    ]

    assert specificity(ratings, rng=rng_for(0, "t")).metrics["correlation"] == pytest.approx(1.0)
