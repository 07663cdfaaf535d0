"""Top tokens are counted exactly, and in bounded memory."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.harvest.token_counts import TokenCounts, TopTokens


def counted(world: Any, parts: list[tuple[int, int]], most: int = 1 << 20) -> TokenCounts:
    found = TokenCounts(world.features, 12, most=most)
    for first, last in parts:
        page = world.page(first, last)
        found.add(world.firings(first, last, page), page)
        found.settle()
    return found


def listed(found: TopTokens, feature: int) -> list[tuple[int, int, float]]:
    part = slice(*found.offsets[feature : feature + 2].tolist())
    return list(zip(found.token[part].tolist(), found.count[part].tolist(), found.mean[part].tolist(), strict=True))


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
        assert counts == {token: count for token, count, _ in listed(found, feature)}
        for token, count, mean in listed(found, feature):
            np.testing.assert_allclose(mean, sums[token] / count, rtol=2e-5)
        totals = [count * mean for _, count, mean in listed(found, feature)]
        assert totals == sorted(totals, reverse=True)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 11), st.sampled_from([1, 3, 10, 1000]))
def test_the_table_is_bounded_and_does_not_depend_on_the_order(
    make_world: Callable, seed: int, cut: int, most: int
) -> None:
    world = make_world(seed, segment=1, rows=60)

    whole = counted(world, [(0, 60)], most)
    parts = counted(world, [(cut, 30), (30, 60)], most)
    parts.merge(counted(world, [(0, cut)], most))

    assert (np.bincount((whole.key // np.uint64(12 * 16)).astype(np.int64)) <= most).all()
    for name, array in whole.arrays().items():
        assert np.array_equal(array, parts.arrays()[name]), name


def test_a_thinned_table_still_estimates_the_counts(make_world: Callable) -> None:
    world = make_world(1, segment=1, rows=4000, features=1, density=1.0)

    whole = listed(counted(world, [(0, 4000)]).top(0, 1, 100), 0)
    thinned = listed(counted(world, [(0, 4000)], most=60).top(0, 1, 100), 0)

    exact = {token: count for token, count, _ in whole}
    assert len(thinned) == 11
    for token, count, _ in thinned:
        np.testing.assert_allclose(count, exact[token], rtol=0.3)
