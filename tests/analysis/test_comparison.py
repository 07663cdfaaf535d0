"""Two sides are compared on the features that both have, and the p-value is that of random signs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, permutation_test

from autointerp.analysis.comparison import Comparison, LeftOut, compare, sign_flip
from autointerp.domain.seeds import rng_for

SIDES = st.dictionaries(st.integers(0, 30), st.none() | st.integers(0, 8).map(lambda eighths: eighths / 8))


def of(first: dict[int, float | None], second: dict[int, float | None]) -> Comparison:
    return compare(first, second, rng=rng_for(0, "test"), resamples=500)


def test_means_and_wins_are_of_the_pairs_only() -> None:
    first = {1: 0.9, 2: 0.8, 3: 0.5, 4: None, 5: 0.1, 6: None, 8: 0.3}
    second = {1: 0.7, 2: 0.8, 3: 0.6, 4: 0.4, 5: None, 6: None, 7: 0.2}

    found = of(first, second)

    assert (found.pairs, found.wins, found.ties, found.losses) == (3, 1, 1, 1)
    assert found.first == pytest.approx(2.2 / 3)
    assert found.second == pytest.approx(2.1 / 3)
    assert found.difference == pytest.approx(0.1 / 3)
    assert found.left_out == {
        LeftOut.FIRST_NOT_SCORED: 1,
        LeftOut.SECOND_NOT_SCORED: 1,
        LeftOut.FIRST_UNDEFINED: 1,
        LeftOut.SECOND_UNDEFINED: 1,
        LeftOut.BOTH_UNDEFINED: 1,
    }


@given(SIDES, SIDES)
def test_the_other_way_round_everything_is_turned_around(
    first: dict[int, float | None], second: dict[int, float | None]
) -> None:
    found, turned = of(first, second), of(second, first)

    assert (found.wins, found.ties, found.losses) == (turned.losses, turned.ties, turned.wins)
    assert (found.first, found.second, found.p) == (turned.second, turned.first, pytest.approx(turned.p))
    assert found.pairs + sum(found.left_out.values()) == len(first.keys() | second.keys())
    if found.difference is not None:
        assert found.difference == pytest.approx(-(turned.difference or 0))
    if found.interval and turned.interval:
        assert found.interval == pytest.approx((-turned.interval[1], -turned.interval[0]))


def test_few_different_pairs_draw_the_same_turned_around() -> None:
    first = {feature: feature % 3 / 8 for feature in range(31)}
    second = dict.fromkeys(range(31), 0.25)

    found, turned = of(first, second), of(second, first)

    assert found.p == turned.p
    assert found.interval
    assert turned.interval
    assert found.interval == pytest.approx((-turned.interval[1], -turned.interval[0]))


def test_without_a_pair_nothing_is_known() -> None:
    found = of({1: 0.5, 2: None}, {2: 0.4})

    assert found == Comparison(
        0, None, None, None, None, None, 0, 0, 0, {LeftOut.FIRST_UNDEFINED: 1, LeftOut.SECOND_NOT_SCORED: 1}
    )


def test_a_single_pair_has_no_interval_and_proves_nothing() -> None:
    found = of({1: 0.9}, {1: 0.1})

    assert (found.difference, found.interval, found.p) == (pytest.approx(0.8), None, 1.0)


def test_pairing_shows_a_difference_that_the_spread_of_features_would_hide() -> None:
    rng = rng_for(0, "features")
    level = rng.random(60)
    second = {i: float(level[i]) for i in range(60)}
    first = {i: float(level[i] + 0.03 + rng.normal(0, 0.03)) for i in range(60)}

    found = of(first, second)

    assert found.interval is not None
    assert 0 < found.interval[0] < found.interval[1] < 0.06
    assert found.p is not None
    assert found.p < 0.001


@pytest.mark.parametrize("n", [2, 5, 9, 12])
def test_few_pairs_are_tested_exactly(n: int) -> None:
    differences = rng_for(0, "few", n).normal(0.4, 1, n).round(1)

    expected = permutation_test(
        (differences, np.zeros(n)),
        lambda a, b: np.mean(a - b),
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="two-sided",
    )

    found = sign_flip(differences, rng=rng_for(0, "none"))
    both_tails = np.mean(np.abs(expected.null_distribution) >= abs(expected.statistic) - 1e-12)
    assert found == pytest.approx(both_tails)
    assert found == pytest.approx(expected.pvalue)


def test_many_pairs_are_tested_by_random_signs() -> None:
    differences = rng_for(0, "many").normal(0.2, 1, 100)

    found = sign_flip(differences, rng=rng_for(0, "signs"))

    z = differences.sum() / np.sqrt((differences**2).sum())
    assert found == pytest.approx(2 * norm.sf(abs(z)), abs=0.02)


def test_under_no_difference_a_twentieth_is_below_a_twentieth() -> None:
    below = sum(
        sign_flip(rng_for(0, "null", i).normal(size=20), rng=rng_for(0, "signs", i)) <= 0.05 for i in range(300)
    )

    assert 0.02 <= below / 300 <= 0.09


def test_no_difference_at_all_is_certain() -> None:
    assert sign_flip(np.zeros(5), rng=rng_for(0)) == 1
    assert sign_flip(np.zeros(50), rng=rng_for(0)) == 1
