"""Rank correlations are scipy's, their intervals those of resamples ranked anew; what is not known is not told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from autointerp.analysis import bootstrap
from autointerp.analysis.agreement import LEAST, Correlation, agreement, correlate
from autointerp.domain.seeds import rng_for

MISSING = float("nan")


def of(first: list[float] | np.ndarray, second: list[float] | np.ndarray, *, resamples: int = 200) -> Correlation:
    return correlate(np.array(first, float), np.array(second, float), resamples=resamples, rng=rng_for(0, "test"))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=LEAST, max_size=60))
def test_the_correlation_is_scipys_whatever_is_tied(rows: list[tuple[int, int]]) -> None:
    first, second = np.array(rows, float).T
    if len(set(first)) == 1 or len(set(second)) == 1:
        return

    found = of(first, second, resamples=1)

    assert found.value == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)
    assert found.count == len(rows)


def test_only_what_both_scored_counts() -> None:
    rng = rng_for(0, "missing")
    first, second = rng.random(40), rng.random(40)
    first[:7], second[5:12] = MISSING, MISSING

    found = of(first, second)

    assert found.value == pytest.approx(spearmanr(first[12:], second[12:]).statistic)
    assert found.count == 28


def test_the_interval_is_that_of_resamples_which_are_ranked_anew() -> None:
    rng = rng_for(0, "tied")
    first = rng.integers(0, 8, 30).astype(float)
    second = first + rng.normal(0, 3, 30).round()
    [drawn] = bootstrap.draws(30, 300, rng_for(0, "test"))
    values = [spearmanr(np.repeat(first, times), np.repeat(second, times)).statistic for times in drawn]

    found = of(first, second, resamples=300)

    assert found.interval == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_the_interval_covers_the_true_correlation_about_nineteen_times_in_twenty() -> None:
    true, covered = 6 / np.pi * np.arcsin(0.6 / 2), 0  # of normal variables correlated by 0.6
    for repetition in range(200):
        x, noise = rng_for(0, "normal", repetition).normal(size=(2, 80))
        found = of(x, 0.6 * x + 0.8 * noise, resamples=300)
        assert found.interval is not None
        covered += found.interval[0] <= true <= found.interval[1]

    assert 0.89 <= covered / 200 <= 0.99


def test_scorers_of_one_mind_agree_fully_in_every_resample() -> None:
    scores = np.linspace(0, 1, 12)

    assert of(scores, scores**3) == Correlation(1.0, (1.0, 1.0), 12, None)
    assert of(scores, -scores) == Correlation(-1.0, (-1.0, -1.0), 12, None)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ([0.1] * 3 + [0.2] * 6, [0.5, 0.6] * 4 + [0.1], "only 9 explanations have both scores; 10 are needed"),
        ([MISSING] * 12, [0.5] * 12, "only 0 explanations"),
        ([0.5] * 12, list(range(12)), "the first scorer gives all 12 explanations the same score"),
        (list(range(12)), [0.5] * 12, "the second scorer gives all 12 explanations the same score"),
    ],
)
def test_what_cannot_be_correlated_is_undefined_with_its_reason(
    first: list[float], second: list[float], why: str
) -> None:
    found = of(first, second)

    assert (found.value, found.interval) == (None, None)
    assert found.undefined is not None
    assert why in found.undefined


def test_a_table_has_every_pair_of_scorers_once() -> None:
    table = rng_for(0, "table").random((20, 3))
    table[3, 1] = MISSING

    found = agreement(table, ["a", "b", "c"], seed=1)

    assert list(found) == [(0, 1), (0, 2), (1, 2)]
    assert found[0, 2].value == pytest.approx(spearmanr(table[:, 0], table[:, 2]).statistic)
    assert (found[0, 1].count, found[0, 2].count) == (19, 20)
    assert found == agreement(table, ["a", "b", "c"], seed=1)
