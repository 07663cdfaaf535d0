"""Top tokens are counted exactly, and in bounded memory."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.harvest.rows import find_firings
from autointerp.harvest.token_counts import TokenCounts


def counted(world: Any, parts: list[tuple[int, int]], capacity: int = 1 << 20) -> TokenCounts:
    found = TokenCounts(world.features, 12, capacity)
    for first, last in parts:
        page = world.page(first, last)
        found.add(find_firings(torch.from_numpy(world.acts[first:last]).flatten(0, 1), page), page)
        found.settle()
    return found


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_counts_and_means_are_those_of_all_firings(make_world: Callable, seed: int) -> None:
    world = make_world(seed)

    found = counted(world, [(0, 5), (5, 12)]).top(0, world.features, 100)

    for feature in range(world.features):
        counts: Counter[int] = Counter()
        sums: defaultdict[int, float] = defaultdict(float)
        for where in np.argwhere((world.acts[:, :, feature] > 0) & world.readable).tolist():
            token = int(world.tokens[tuple(where)])
            counts[token] += 1
            sums[token] += float(world.acts[(*where, feature)])
        assert counts == {token: count for token, count, _ in found[feature]}
        for token, count, mean in found[feature]:
            np.testing.assert_allclose(mean, sums[token] / count, rtol=2e-5)
        totals = [count * mean for _, count, mean in found[feature]]
        assert totals == sorted(totals, reverse=True)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 11), st.sampled_from([3, 10, 30, 1000]))
def test_the_table_is_bounded_and_does_not_depend_on_the_order(
    make_world: Callable, seed: int, cut: int, capacity: int
) -> None:
    world = make_world(seed, segment=1, rows=60)

    whole = counted(world, [(0, 60)], capacity)
    parts = counted(world, [(cut, 30), (30, 60)], capacity)
    parts.merge(counted(world, [(0, cut)], capacity))

    assert len(whole.key) <= capacity
    for name, array in whole.arrays().items():
        assert np.array_equal(array, parts.arrays()[name]), name


def test_a_thinned_table_still_estimates_the_counts(make_world: Callable) -> None:
    world = make_world(1, segment=1, rows=4000, features=1, density=1.0)

    whole = counted(world, [(0, 4000)]).top(0, 1, 100)[0]
    thinned = counted(world, [(0, 4000)], capacity=35).top(0, 1, 100)[0]

    exact = {token: count for token, count, _ in whole}
    assert len(thinned) == 11
    for token, count, _ in thinned:
        np.testing.assert_allclose(count, exact[token], rtol=0.3)
