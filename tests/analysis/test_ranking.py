"""Texts are ranked by shared words, and by several measures at once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from autointerp.analysis.ranking import WordIndex, fused, ranks

TEXTS = ("a red house", "the cat sat on the red mat", "cats and dogs", "print(x);")
VALUES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=12)


def test_a_rare_word_says_more_than_a_common_one_and_a_repeated_one_a_little_more() -> None:
    index = WordIndex.of(["x y", "x z", "x", "x y y"])

    found = index.match("x y")

    x, y = math.log1p(0.5 / 4.5), math.log1p(2.5 / 2.5)
    assert found.tolist() == pytest.approx([x + y, x, x, x + y * 2 * 2.2 / (2 + 1.2)])


def test_case_plural_and_signs_are_words_as_one_reads_them() -> None:
    index = WordIndex.of(TEXTS)

    assert np.flatnonzero(index.match("CATS")).tolist() == [1, 2]
    assert np.flatnonzero(index.match('the sign "(".')).tolist() == [1, 3]
    assert not index.match("zebra").any()
    assert not index.match("").any()


@given(st.text(alphabet="abc s", max_size=12))
def test_another_text_matches_as_well_as_the_same_text_in_the_index(query: str) -> None:
    index = WordIndex.of(TEXTS)

    assert index.match_others(query, TEXTS).tolist() == pytest.approx(index.match(query).tolist())


@given(VALUES)
def test_ranks_are_the_midranks_of_scipy_from_the_top(values: list[float]) -> None:
    scores = np.array(values)

    assert ranks(scores, scores).tolist() == rankdata(-scores).tolist()


@given(VALUES, VALUES)
def test_the_rank_of_another_text_lies_between_those_above_and_below(others: list[float], values: list[float]) -> None:
    among, scores = np.array(values), np.array(others)

    for place, score in zip(ranks(scores, among), scores, strict=True):
        above, equal = int((among > score).sum()), int((among == score).sum())
        assert above < place < above + equal + 1


def test_what_one_ranking_puts_first_is_not_lost_because_another_knows_nothing_of_it() -> None:
    by_words = np.where(np.arange(1000) < 400, np.linspace(2, 1, 1000), 0)  # 400 hold a common word
    by_meaning = np.linspace(0, 1, 1000)

    values = fused(ranks(by_words, by_words), ranks(by_meaning, by_meaning))

    assert {*range(9), *range(991, 1000)} <= set(np.argsort(-values)[:20].tolist())
