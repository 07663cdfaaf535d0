"""The same pages leave the same bits, however they are grouped, ordered and merged."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 100_000),
    st.sets(st.integers(1, 29), max_size=6),
    st.randoms(use_true_random=False),
    st.sampled_from([0.05, 0.3, 0.9]),
)
def test_any_grouping_order_and_merging_gives_the_same_arrays(
    make_world: Callable, seed: int, cuts: set[int], random: object, density: float
) -> None:
    world = make_world(seed, rows=30, density=density, pool=20)
    groups = list(pairwise([0, *sorted(cuts), 30]))
    random.shuffle(groups)  # type: ignore[attr-defined]

    whole = world.state().arrays()
    one_by_one = world.state(groups).arrays()
    settled = world.state(groups, settle=True).arrays()
    states = [world.state([group]) for group in groups]
    for state in states:
        state.settle()
    while len(states) > 1:
        first, second = states.pop(0), states.pop(0)
        first.merge(second)
        states.append(first)
    merged = states[0].arrays()

    assert whole.keys() == one_by_one.keys() == settled.keys() == merged.keys()
    for name, array in whole.items():
        for other in (one_by_one[name], settled[name], merged[name]):
            assert array.dtype == other.dtype, name
            assert array.tobytes() == other.tobytes(), name


def test_memory_does_not_grow_with_the_number_of_tokens(make_world: Callable) -> None:
    sizes = []
    for rows in (800, 3200):
        state = make_world(1, rows=rows, density=0.5, levels=3).state([(i, i + 100) for i in range(0, rows, 100)])
        sizes.append(sum(array.nbytes for array in state.arrays().values()))

    assert sizes[1] < 1.1 * sizes[0]


def test_pruning_in_between_changes_nothing(make_world: Callable) -> None:
    world = make_world(2, rows=40, density=0.9)
    pruned = world.state([(0, 1)])
    for row in range(1, 40):
        pruned.settle()
        pruned.merge(world.state([(row, row + 1)]))

    wanted = world.state().arrays()

    for name, array in pruned.arrays().items():
        assert np.array_equal(array, wanted[name]), name
