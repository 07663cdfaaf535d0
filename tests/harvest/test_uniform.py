"""Samples are uniform: over many seeds, every peak of a group is drawn equally often."""

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import chisquare

from autointerp.domain.examples import Group, Kind, Split
from autointerp.domain.packed import unpack
from autointerp.domain.specs import Sizes

SEEDS = 200
ONE_SPLIT = {Split.EXPLAIN: 1.0, Split.VALIDATION: 0.0, Split.SCORE: 0.0}


Draws = dict[Group, Counter[tuple[int, int]]]


def drawn(make_world: Callable, seed: int, **changes: object) -> Draws:
    """Say which windows are drawn for each group with this seed, of one world with values evenly spread."""
    world = make_world(0, rows=60, features=1, seed=seed, shares=ONE_SPLIT, **changes)
    rng = np.random.default_rng(1)
    world.tokens = rng.integers(1, 12, world.tokens.shape).astype(np.int32)
    world.acts = rng.random(world.acts.shape).astype(np.float32)
    world.acts[rng.random(world.acts.shape) > 0.15] = 0
    pool, features = world.cut(world.state([(0, 20), (20, 45), (45, 60)], settle=True))
    packed = features[0].examples[Split.EXPLAIN]
    found: Draws = defaultdict(Counter)
    for e in unpack(packed, split=Split.EXPLAIN, pool=pool, vocabulary=world.vocabulary):
        found[e.group][e.context, e.start + e.peak] += 1
    return found


@pytest.fixture(scope="module")
def everything(make_world: Callable) -> Draws:
    """All windows of each group, from a harvest that keeps them all."""
    return drawn(
        make_world, 0, pool=1000, sizes=Sizes(top=0, per_interval=999, per_quantile=999, random=999, same_token=0)
    )


@pytest.fixture(scope="module")
def draws(make_world: Callable) -> Draws:
    """How often each window is drawn for each group over many seeds."""
    counts: Draws = defaultdict(Counter)
    for seed in range(SEEDS):
        for group, windows in drawn(make_world, seed).items():
            counts[group] += windows
    return counts


@pytest.mark.parametrize("index", [1, 2, 3])
def test_an_interval_is_sampled_uniformly(draws: Draws, everything: Draws, index: int) -> None:
    group = Group(Kind.INTERVAL, index)

    assert len(everything[group]) > 10
    assert draws[group].keys() == everything[group].keys()
    assert draws[group].total() == 2 * SEEDS
    assert chisquare(list(draws[group].values())).pvalue > 0.01


def test_random_examples_are_a_uniform_sample_of_the_silent_segments(draws: Draws, everything: Draws) -> None:
    group = Group(Kind.RANDOM)

    assert draws[group].keys() == everything[group].keys()
    assert draws[group].total() == 4 * SEEDS
    assert chisquare(list(draws[group].values())).pvalue > 0.01


def test_quantiles_hold_equal_shares_of_the_peaks_and_cover_them_all(draws: Draws, everything: Draws) -> None:
    groups = [Group(Kind.QUANTILE, index) for index in range(3)]
    every = sum((draws[group] for group in groups), Counter())

    assert [draws[group].total() for group in groups] == [2 * SEEDS] * 3
    assert every.keys() == set().union(*(everything[group] for group in groups))
    assert chisquare(list(every.values())).pvalue > 0.01
