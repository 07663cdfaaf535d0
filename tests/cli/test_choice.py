"""Indices, ranges and scorers are read from a line of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.cli.choice import read_indices, read_scorer
from autointerp.errors import InvalidInput


@given(st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, unique=True))
def test_indices_are_read_in_the_order_written(indices: list[int]) -> None:
    assert read_indices(",".join(map(str, indices))) == tuple(indices)


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=50))
def test_a_range_holds_both_ends(first: int, more: int) -> None:
    assert read_indices(f"{first}-{first + more}") == tuple(range(first, first + more + 1))


def test_an_index_named_twice_is_read_once() -> None:
    assert read_indices("3, 1-4 ,2") == (3, 1, 2, 4)


@pytest.mark.parametrize("text", ["", ",", "1,", "-1", "a", "5-3", "1-", "1.5", "²"])
def test_what_is_no_index_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no index or range"):
        read_indices(text)


def test_a_scorer_is_read_with_its_judge() -> None:
    spec = read_scorer("detection:embedding")

    assert (spec.name, spec.judge.name) == ("detection", "embedding")
