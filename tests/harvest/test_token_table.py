"""The table of tokens holds what counting one by one gives, and what is thinned does not depend on how it came."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.harvest.chance import scramble
from autointerp.harvest.token_table import LEVELS, level_of, merged, pack, thinned, unpacked
from tests.harvest.reference import Levels
from tests.harvest.reference import thinned as thinned_plainly

# What the issue asks for: features and vocabulary as large as they come.
sizes = st.sampled_from([(1, 1), (3, 12), (262_144, 262_144), (1 << 20, 256_000)])
STRENGTHS = np.array([1e-45, 2.0**-24, 0.1, 1, 1.5, 65504, 2.0**24, 3.4028235e38], dtype=np.float32)


def as_table(entries: Levels, vocabulary: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ordered = sorted(entries)
    key = np.array([(f * vocabulary + t) * LEVELS + level for f, t, level in ordered], dtype=np.uint64)
    both = np.array([entries[k] for k in ordered], dtype=np.int64).reshape(-1, 2)
    return key, both[:, 0].copy(), both[:, 1].copy()


def bits_of(features: int, vocabulary: int) -> int:
    return min(24, 64 - (features * vocabulary).bit_length() - 4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), sizes, st.integers(0, 200), st.integers(0, 3))
def test_packing_and_adding_up_counts_every_firing(seed: int, size: tuple[int, int], count: int, least: int) -> None:
    features, vocabulary = size
    rng = np.random.default_rng(seed)
    tokens = (vocabulary - 1 - rng.integers(0, min(vocabulary, 3), 50)).astype(np.int32)
    mixed = scramble(np.arange(50, dtype=np.uint64)) >> rng.integers(0, 40, 50).astype(np.uint64)
    feature = np.sort(features - 1 - rng.integers(0, min(features, 3), count)).astype(np.int32)
    place = rng.integers(0, 50, count).astype(np.int32)
    value = rng.choice(STRENGTHS, count)
    lowest = np.full(features, least)
    value_bits = bits_of(features, vocabulary)

    packed = pack(feature, place, value, tokens, mixed, lowest, vocabulary, value_bits)
    key, counts, totals = unpacked(np.sort(packed), value_bits)

    wanted: dict[int, list[float]] = {}
    for f, p, v in zip(feature.tolist(), place.tolist(), value.tolist(), strict=True):
        level = sum(int(mixed[p]) < 4 ** (32 - i) for i in range(1, 16))
        if level >= least:
            wanted.setdefault((f * vocabulary + int(tokens[p])) * 16 + level, []).append(min(v, 2.0**24))
    assert sorted(wanted) == key.tolist()
    for k, n, total in zip(key.tolist(), counts.tolist(), totals.tolist(), strict=True):
        assert n == len(wanted[k])
        np.testing.assert_allclose(total, sum(wanted[k]) * 2.0**24, rtol=2.0**-12, atol=n)


@given(st.integers(0, 2**64 - 1))
def test_a_level_is_reached_by_one_in_four_of_those_that_reach_the_one_before(mixed: int) -> None:
    level = level_of(np.uint64(mixed))

    assert level == 15 or mixed >= 2 ** (62 - 2 * level)
    assert level == 0 or mixed < 2 ** (64 - 2 * level)


entries = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 15)),
    st.tuples(st.integers(1, 2**33), st.integers(0, 2**60)),
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(entries, st.lists(st.integers(0, 15), min_size=4, max_size=4), st.integers(1, 20), sizes)
def test_thinning_is_what_the_plain_way_does(
    found: Levels, lowest: list[int], most: int, size: tuple[int, int]
) -> None:
    vocabulary = max(4, size[1])
    levels = np.array(lowest)

    table = thinned(*as_table(found, vocabulary), levels, vocabulary, most)

    wanted, raised = thinned_plainly(found, lowest, most)
    assert levels.tolist() == raised
    for mine, plain in zip(table, as_table(wanted, vocabulary), strict=True):
        assert mine.dtype == plain.dtype
        assert mine.tolist() == plain.tolist()


@settings(max_examples=100, deadline=None)
@given(
    entries,
    st.integers(1, 12),
    st.lists(st.integers(0, 60), max_size=4),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_what_is_left_does_not_depend_on_the_order_and_the_grouping(
    found: Levels, most: int, cuts: list[int], random: Any, one_by_one: bool
) -> None:
    order = list(found)
    random.shuffle(order)
    lowest, mine = np.zeros(4, dtype=np.int64), as_table({}, 4)
    for low, high in pairwise([0, *sorted(cuts), 60]):
        part = as_table({key: found[key] for key in order[low:high]}, 4)
        if one_by_one:
            levels = np.zeros(4, dtype=np.int64)
            part = thinned(*part, levels, 4, most)
            lowest = np.maximum(lowest, levels)
        mine = thinned(*merged(*mine, *part), lowest, 4, most)

    wanted, raised = thinned_plainly(found, [0] * 4, most)
    assert lowest.tolist() == raised
    assert [column.tolist() for column in mine] == [column.tolist() for column in as_table(wanted, 4)]


@pytest.mark.parametrize("strength", [3.0e38, 65504.0])
def test_sums_that_are_too_large_stay_the_largest_there_is(strength: float) -> None:
    many = np.full(40_000, strength, dtype=np.float32)
    zeros = np.zeros(len(many), dtype=np.int32)
    packed = pack(zeros, zeros, many, zeros, np.full(1, 2**64 - 1, np.uint64), np.zeros(1, np.int64), 1, 24)

    table = unpacked(packed, 24)
    for _ in range(14):  # two to the fourteenth times as many
        table = merged(*table, *table)

    assert table[2].tolist() == [2**63 - 1]
    assert table[1].tolist() == [40_000 << 14]
