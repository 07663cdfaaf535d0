"""Examples are drawn evenly over their groups, whatever order they come in."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.analysis.choosing import firing, of_split, spread
from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.seeds import rng_for
from autointerp.testing.specimen import specimen

SCORE = specimen(per_quantile=5, random=20, same_token=5, seed=1).score


def draw(examples: tuple[Example, ...], count: int) -> tuple[Example, ...]:
    return spread(examples, [Kind.QUANTILE], count=count, rng=rng_for(0, "draw"))


@given(count=st.integers(0, 60), order=st.permutations(range(len(SCORE))))
def test_groups_are_even_windows_distinct_and_order_irrelevant(count: int, order: list[int]) -> None:
    chosen = draw(tuple(SCORE[i] for i in order), count)

    sizes = Counter(example.group for example in chosen)
    assert chosen == draw(SCORE, count)
    assert len({example.window for example in chosen}) == len(chosen) == min(count, 50)
    assert max(sizes.values(), default=0) - min((sizes[Group(Kind.QUANTILE, k)] for k in range(10)), default=0) <= 1


def test_a_window_of_two_groups_is_drawn_once() -> None:
    twice = (SCORE[0], SCORE[0])

    assert len(draw(twice, 10)) == 1


def test_examples_of_another_split_are_refused() -> None:
    with pytest.raises(ValueError, match="score"):
        of_split(SCORE, Split.EXPLAIN)


def test_tokens_above_a_share_of_the_strongest_fire() -> None:
    example = Example(Split.SCORE, Group(Kind.TOP), 0, 0, 0, 1, (1, 2, 3), ("a", "b", "c"), (3.0, 10.0, 3.1))

    assert firing(example, 0.3) == (False, True, True)
