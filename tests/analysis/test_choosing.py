"""Examples are drawn evenly over their groups, whatever order they come in."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.analysis.choosing import firing, of_split, sample, spread, strongest
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


def test_a_sample_has_weak_groups_as_often_as_strong_ones() -> None:
    drawn = [sample(SCORE, [Kind.QUANTILE], count=5, rng=rng_for(seed, "sample")) for seed in range(200)]

    counts = Counter(example.group.index for windows in drawn for example in windows)
    assert {len({example.window for example in windows}) for windows in drawn} == {5}
    assert set(counts) == set(range(10))
    assert all(60 < count < 140 for count in counts.values())  # 100 expected, sd 9


@given(order=st.permutations(range(len(SCORE))))
def test_a_sample_and_the_strongest_do_not_depend_on_the_order(order: list[int]) -> None:
    turned = tuple(SCORE[i] for i in order)

    assert sample(turned, [Kind.RANDOM], count=7, rng=rng_for(0, "sample")) == sample(
        SCORE, [Kind.RANDOM], count=7, rng=rng_for(0, "sample")
    )
    assert strongest(turned, count=8) == strongest(SCORE, count=8)


def test_the_strongest_windows_are_named_by_the_top_group_and_taken_once() -> None:
    top = [replace(example, group=Group(Kind.TOP)) for example in SCORE if example.group == Group(Kind.QUANTILE, 9)]

    found = strongest((*SCORE, *top), count=6)

    assert [str(example.group) for example in found] == ["top"] * 5 + ["quantile 8"]
    assert len({example.window for example in found}) == 6
