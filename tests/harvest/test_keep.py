"""Bounded lists: the best of parts, and then the best of those, is the best of everything."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest.keep import keep_first, stable_order

item = st.tuples(st.integers(0, 3), st.integers(0, 4))


def kept(items: list[tuple[int, int, int]], limit: int) -> list[tuple[int, int, int]]:
    """Keep the first of (group, rank, text) by rank, with the function under test."""
    group, rank, text = (np.array([i[k] for i in items], dtype=np.int64) for k in range(3))
    order = stable_order(np.argsort(rank), group, 3)
    found, _ = keep_first(order, group, text.astype(np.uint64), np.full(len(items), limit))
    return [items[i] for i in found.tolist()]


def wanted(items: list[tuple[int, int, int]], limit: int) -> list[tuple[int, int, int]]:
    """The same, one item at a time."""
    result: list[tuple[int, int, int]] = []
    for group, rank, text in sorted(items):
        mine = [i for i in result if i[0] == group]
        if len(mine) < limit and all(i[2] != text for i in mine):
            result.append((group, rank, text))
    return result


@given(st.lists(item, max_size=30), st.integers(0, 4), st.integers(0, 30), st.randoms(use_true_random=False))
def test_keeping_is_exact_and_associative(pairs: list[tuple[int, int]], limit: int, cut: int, random: object) -> None:
    ranks = list(range(len(pairs)))
    random.shuffle(ranks)  # type: ignore[attr-defined]
    items = [(group, rank, text) for (group, text), rank in zip(pairs, ranks, strict=True)]

    whole = kept(items, limit)
    parts = kept(kept(items[:cut], limit) + kept(items[cut:], limit), limit)

    assert wanted(items, limit) == whole == parts


def test_the_last_of_each_full_group_is_told() -> None:
    group, text = np.array([0, 0, 0, 1]), np.array([1, 2, 3, 4], dtype=np.uint64)

    _, last = keep_first(np.arange(4), group, text, np.full(4, 2))

    assert last.tolist() == [1]


@given(st.lists(st.integers(0, 2**20), max_size=50))
def test_radix_order_is_the_stable_order(keys: list[int]) -> None:
    found = stable_order(np.arange(len(keys)), np.array(keys, dtype=np.int64), 2**20)

    assert np.argsort(np.array(keys), kind="stable").tolist() == found.tolist()
