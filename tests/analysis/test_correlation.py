"""Correlations over the tokens of many sequences, against SciPy and against what resampling really does."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from autointerp.analysis.correlation import Row, midranks, pearson, rank_correlation, spearman

BOTH = [(pearson, stats.pearsonr), (spearman, stats.spearmanr)]
levels = st.integers(0, 4).map(float)
pairs = st.lists(st.tuples(levels, levels), min_size=1, max_size=6)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def sequences(n: int, length: int, seed: int = 1) -> list[Row]:
    random = np.random.default_rng(seed)
    true = np.maximum(0, random.normal(size=(n, length)) - 1)
    return [Row(row.tolist(), np.round(2 * row + random.random(length)).tolist()) for row in true]


def joined(rows: list[Row]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.concatenate([row.true for row in rows]), np.concatenate([row.predicted for row in rows])


@pytest.mark.parametrize(("ours", "scipys"), BOTH)
@given(st.lists(pairs, min_size=1, max_size=5))
def test_it_is_scipys_number_over_all_tokens(ours, scipys, drawn) -> None:  # noqa: ANN001
    rows = [Row([t for t, _ in one], [p for _, p in one]) for one in drawn]
    true, predicted = joined(rows)
    assume(np.ptp(true) > 0 and np.ptp(predicted) > 0)

    found = ours(rows, resamples=1, rng=rng())

    assert found.value == pytest.approx(scipys(true, predicted).statistic, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 3)), min_size=1, max_size=40))
def test_a_rank_correlation_of_plain_pairs_is_spearmans(drawn: list[tuple[float, int]]) -> None:
    x, y = zip(*drawn, strict=True)

    found = rank_correlation(x, y)

    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)


@pytest.mark.parametrize("ours", [pearson, spearman])
def test_a_weight_of_three_is_the_same_as_standing_there_three_times(ours) -> None:  # noqa: ANN001
    rows = sequences(4, 12)
    weighted = [Row(row.true, row.predicted, weight) for row, weight in zip(rows, (3, 1, 2, 1), strict=True)]
    repeated = [rows[0]] * 3 + [rows[1]] + [rows[2]] * 2 + [rows[3]]

    assert ours(weighted, resamples=1, rng=rng()).value == pytest.approx(
        ours(repeated, resamples=1, rng=rng()).value, abs=1e-12
    )


@pytest.mark.parametrize("ours", [pearson, spearman])
def test_what_has_no_weight_is_not_there(ours) -> None:  # noqa: ANN001
    rows = sequences(4, 12)

    assert ours([*rows[:3], Row(rows[3].true, rows[3].predicted, 0.0)], resamples=20, rng=rng()) == ours(
        rows[:3], resamples=20, rng=rng()
    )


@pytest.mark.parametrize("ours", [pearson, spearman])
def test_the_interval_is_that_of_resampling_whole_sequences_one_by_one(ours) -> None:  # noqa: ANN001
    rows = sequences(8, 20)
    drawn = rng().integers(8, size=(50, 8))
    values = [ours([rows[i] for i in row], resamples=1, rng=rng()).value for row in drawn]

    found = ours(rows, resamples=50, rng=rng())

    assert found.interval == pytest.approx(np.quantile(np.array(values, dtype=np.float64), [0.025, 0.975]), abs=1e-9)


def test_the_interval_is_wider_than_that_of_tokens_that_do_not_depend_on_each_other() -> None:
    random = np.random.default_rng(3)
    offsets = random.normal(size=30)
    rows = [
        Row((o + 0.1 * random.normal(size=20)).tolist(), (o + random.normal() + np.zeros(20)).tolist()) for o in offsets
    ]
    single = [Row([t], [p]) for row in rows for t, p in zip(row.true, row.predicted, strict=True)]

    by_sequence = pearson(rows, resamples=500, rng=rng()).interval or (0, 0)
    by_token = pearson(single, resamples=500, rng=rng()).interval or (0, 0)

    assert by_sequence[1] - by_sequence[0] > 2 * (by_token[1] - by_token[0])


@pytest.mark.parametrize("ours", [pearson, spearman])
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no prediction"),
        ([Row([0.1, 0.2], [3, 3]), Row([0.3], [3])], "predicted activation is 3 at every token"),
        ([Row([0, 0], [1, 2]), Row([0], [3])], "true activation is 0 at every token"),
        ([Row([1, 2], [1, 2], weight=0)], "no prediction"),
    ],
)
def test_what_does_not_vary_is_undefined_with_its_reason(ours, rows: list[Row], reason: str) -> None:  # noqa: ANN001
    found = ours(rows, resamples=10, rng=rng())

    assert (found.value, found.interval) == (None, None)
    assert reason in (found.undefined or "")


@pytest.mark.parametrize("ours", [pearson, spearman])
def test_a_number_that_is_not_exact_in_binary_is_constant_all_the_same(ours) -> None:  # noqa: ANN001
    found = ours([Row([0.1, 0.7, 0.3], [0.1] * 3)] * 7, resamples=10, rng=rng())

    assert found.value is None


def test_resamples_without_a_firing_sequence_are_left_out_of_the_interval() -> None:
    rows = [Row([0, 1, 0], [0, 1, 1])] + [Row([0, 0, 0], [0, 0, 1])] * 4

    found = pearson(rows, resamples=200, rng=rng())

    assert found.interval is not None
    assert np.isfinite(found.interval).all()


@given(st.lists(levels, min_size=1, max_size=12))
def test_midranks_with_equal_weights_are_scipys(values: list[float]) -> None:
    level = np.unique(values, return_inverse=True)[1]
    shares = np.full((1, len(values)), 1 / len(values))

    expected = (stats.rankdata(values) - 0.5) / len(values)
    assert midranks(shares, level)[0] == pytest.approx(expected)


def test_four_hundred_tokens_are_ranked_again_two_thousand_times_within_reach_of_memory() -> None:
    rows = sequences(15, 32)

    found = spearman(rows, resamples=2_000, rng=rng())

    assert found.value is not None
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
