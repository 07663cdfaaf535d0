"""What a harvest leaves is what a search through all dense activations finds."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.packed import unpack
from autointerp.domain.specs import Sizes
from autointerp.harvest.bins import bins_of
from autointerp.harvest.chance import feature_keys, key_for, priorities

worlds = st.integers(0, 100_000)
shapes = st.sampled_from([(8, 8), (8, 4), (4, 8), (16, 8), (1, 5), (5, 16), (3, 2)])


@dataclass(frozen=True)
class Peak:
    """A peak as the search finds it."""

    value: float
    priority: int
    split: Split
    row: int
    position: int
    start: int
    text: tuple[int, ...]
    document: int

    @property
    def strength(self) -> tuple[float, int]:
        """What the strongest has the least of."""
        return -self.value, self.priority


def search(world: Any, feature: int) -> list[Peak]:
    """Find all peaks of a feature, one place at a time."""
    spec, found = world.spec, []
    page = world.page(0, len(world.tokens))
    key = feature_keys(key_for(spec.seed, "peaks", "sae of the test"), world.features)[feature]
    acts = np.where(world.readable, world.acts[:, :, feature], 0)
    for row in range(len(acts)):
        for first in range(0, spec.context, spec.segment):
            segment = acts[row, first : first + spec.segment]
            if segment.max() <= 0:
                continue
            position = first + int(segment.argmax())
            start, stop = window(world, row, position)
            if spec.segment >= spec.window and acts[row, start:stop].max() > segment.max():
                continue
            place = row * spec.context + position
            found.append(
                Peak(
                    value=float(segment.max()),
                    priority=int(priorities(page.mixed[place : place + 1], key)[0]),
                    split=tuple(Split)[page.split[place]],
                    row=row,
                    position=position,
                    start=start,
                    text=tuple(world.tokens[row, start:stop].tolist()),
                    document=int(world.documents[row, position]),
                )
            )
    return found


def window(world: Any, row: int, position: int) -> tuple[int, int]:
    """Return the widest part, at most `window`, of the document around a place, with the place in its middle."""
    same = (world.documents[row] == world.documents[row, position]) & world.readable[row]
    first, last = position, position + 1
    while first > 0 and same[first - 1]:
        first -= 1
    while last < len(same) and same[last]:
        last += 1
    start = max(first, min(position - world.spec.window // 2, last - world.spec.window))
    return start, min(start + world.spec.window, last)


def distinct(peaks: list[Peak], limit: int) -> list[Peak]:
    """Keep the first `limit` peaks with different texts."""
    texts: dict[tuple[int, ...], Peak] = {}
    for peak in peaks:
        texts.setdefault(peak.text, peak)
    return list(texts.values())[:limit]


def by_priority(peaks: list[Peak]) -> list[Peak]:
    return sorted(peaks, key=lambda peak: peak.priority)


def top(peaks: list[Peak], limit: int) -> list[Peak]:
    """Return the strongest peaks of different rows and texts."""
    rows: dict[int, Peak] = {}
    for peak in sorted(peaks, key=lambda peak: peak.strength):
        rows.setdefault(peak.row, peak)
    return distinct(list(rows.values()), limit)


def expected(world: Any, feature: int) -> dict[tuple[Split, Group], list[Peak]]:
    """Choose a feature's examples among all its peaks."""
    spec, peaks = world.spec, search(world, feature)
    highest = max((float(a) for a in world.acts[:, :, feature][world.readable]), default=0.0)
    lists: dict[Split, tuple[list[Peak], list[Peak], dict[int, list[Peak]]]] = {}
    for split, sizes in spec.sizes.items():
        mine = [peak for peak in peaks if peak.split == split]
        bins: dict[int, list[Peak]] = {}
        for peak in by_priority(mine):
            bins.setdefault(int(bins_of(np.array([peak.value], np.float32))[0]), []).append(peak)
        lists[split] = (
            top(mine, 2 * sizes.top),
            distinct(by_priority(mine), 2 * spec.quantiles * sizes.per_quantile),
            {b: distinct(members, 4 * sizes.per_interval) for b, members in bins.items()},
        )
    kept = {peak for tops, sample, bins in lists.values() for peak in [*tops, *sample, *chain(*bins.values())]}
    once = set(distinct(sorted(kept, key=lambda peak: peak.strength), len(kept)))
    result: dict[tuple[Split, Group], list[Peak]] = {}
    for split, sizes in spec.sizes.items():
        tops, sample, bins = lists[split]
        full = len(sample) == 2 * spec.quantiles * sizes.per_quantile
        everything = float("inf")
        known = {
            b: max(
                sample[-1].priority if full else everything,
                members[-1].priority if len(members) == 4 * sizes.per_interval else everything,
            )
            for b, members in bins.items()
        }
        result[split, Group(Kind.TOP)] = [peak for peak in tops if peak in once][: sizes.top]
        for i in range(spec.intervals):
            low, high = (Fraction(highest) * (i + k) / spec.intervals for k in (0, 1))
            edges = [int(bins_of(np.array([float(edge)], np.float32))[0]) for edge in (low, high)]
            bound = min((known[b] for b in known if edges[0] <= b <= edges[1]), default=everything)
            inside = [
                peak
                for peak in by_priority([p for p in kept if p in once and p.split == split])
                if low < Fraction(peak.value) <= high and peak.priority <= bound
            ]
            result[split, Group(Kind.INTERVAL, i)] = inside[: sizes.per_interval]
        ranked = sorted((p for p in sample if p in once), key=lambda peak: (peak.value, peak.priority))
        for q in range(spec.quantiles):
            inside = [peak for r, peak in enumerate(ranked) if r * spec.quantiles // len(ranked) == q]
            result[split, Group(Kind.QUANTILE, q)] = by_priority(inside)[: sizes.per_quantile]
    return {where: members for where, members in result.items() if members}


def harvested(world: Any) -> list[dict[Split, tuple[Example, ...]]]:
    pool, features = world.cut(world.state())
    return [
        {
            split: unpack(packed, split=split, pool=pool, vocabulary=world.vocabulary)
            for split, packed in feature.examples.items()
        }
        for feature in features
    ]


def assert_as_searched(world: Any) -> None:
    """Hold all firing examples of a harvest against those of a search."""
    for feature, splits in enumerate(harvested(world)):
        found: dict[tuple[Split, Group], list[tuple[int, int, int, tuple[int, ...], int]]] = {}
        for split, examples in splits.items():
            for e in examples:
                if not e.silent:
                    entry = (e.context, e.start + e.peak, e.start, e.tokens, e.document)
                    found.setdefault((split, e.group), []).append(entry)
        wanted = {
            where: [(p.row, p.position, p.start, p.text, p.document) for p in peaks]
            for where, peaks in expected(world, feature).items()
        }
        assert wanted == found


@settings(max_examples=40, deadline=None)
@given(worlds, shapes, st.sampled_from([0.05, 0.3, 0.9]), st.sampled_from([1, 2, 40]))
def test_the_examples_of_every_group_are_those_of_a_search(
    make_world: Callable, seed: int, shape: tuple[int, int], density: float, levels: int
) -> None:
    sizes = Sizes(top=3, per_interval=1, per_quantile=2, random=2, same_token=2)
    world = make_world(seed, density=density, levels=levels, segment=shape[0], window=shape[1], sizes=sizes)

    assert_as_searched(world)


@settings(max_examples=10, deadline=None)
@given(worlds)
def test_so_they_are_where_every_list_overflows(make_world: Callable, seed: int) -> None:
    sizes = Sizes(top=15, per_interval=1, per_quantile=1, random=0, same_token=0)
    shares = {Split.EXPLAIN: 1.0, Split.VALIDATION: 0.0, Split.SCORE: 0.0}
    world = make_world(seed, rows=80, features=1, density=0.2, levels=1000, shares=shares, intervals=12, sizes=sizes)

    assert_as_searched(world)


@settings(max_examples=30, deadline=None)
@given(worlds, shapes)
def test_activations_are_those_of_the_row_and_the_peak_is_what_was_sampled(
    make_world: Callable, seed: int, shape: tuple[int, int]
) -> None:
    world = make_world(seed, segment=shape[0], window=shape[1])

    for feature, splits in enumerate(harvested(world)):
        for e in (e for examples in splits.values() for e in examples):
            part = slice(e.start, e.start + len(e.tokens))
            dense = world.acts[e.context, part, feature]
            assert dense.astype(np.float16).tolist() == list(e.activations)
            assert world.tokens[e.context, part].tolist() == list(e.tokens)
            assert world.readable[e.context, part].all()
            assert set(world.documents[e.context, part].tolist()) == {e.document}
            assert e.silent or e.activations[e.peak] > 0
            if not e.silent and shape[0] >= shape[1]:
                assert e.max == e.activations[e.peak]


@settings(max_examples=30, deadline=None)
@given(worlds)
def test_statistics_are_exact(make_world: Callable, seed: int) -> None:
    world = make_world(seed)

    _, features = world.cut(world.state())

    for feature in features:
        values = world.acts[:, :, feature.index][world.readable]
        values = values[values > 0]
        found = feature.statistics
        assert world.readable.sum() == found.tokens
        assert len(values) == found.firings == sum(found.histogram) == found.top_count.sum()
        assert float(sum(Fraction(float(v)) for v in values)) == found.sum
        assert float(sum(Fraction(float(v)) ** 2 for v in values)) == found.sum_of_squares
        assert max(values.tolist(), default=0.0) == found.max
        assert np.bincount(bins_of(values), minlength=160).tolist() == list(found.histogram)


@settings(max_examples=30, deadline=None)
@given(worlds)
def test_no_document_and_no_text_is_in_two_splits(make_world: Callable, seed: int) -> None:
    world = make_world(seed, density=0.6)

    for splits in harvested(world):
        for what in (lambda e: e.document, lambda e: e.tokens):
            sets = [{what(e) for e in examples} for examples in splits.values()]
            assert all(not a & b for i, a in enumerate(sets) for b in sets[:i])


@settings(max_examples=30, deadline=None)
@given(worlds, shapes)
def test_silent_examples_are_silent_and_of_their_kind(make_world: Callable, seed: int, shape: tuple[int, int]) -> None:
    world = make_world(seed, density=0.05, segment=shape[0], window=shape[1])
    pool, features = world.cut(world.state())

    for feature, splits in zip(features, harvested(world), strict=True):
        firing_tokens = set(feature.statistics.top_token.tolist())
        for split, examples in splits.items():
            shown = {e.tokens for e in examples if not e.silent}
            silent = [e for e in examples if e.silent]
            assert len({e.window for e in silent}) == len(silent)
            for e in silent:
                assert not world.acts[e.context, e.start : e.start + len(e.tokens), feature.index].any()
                assert e.tokens not in shown
            for e in (e for e in silent if e.group.kind == Kind.SAME_TOKEN):
                assert firing_tokens & set(e.tokens)
            here = pool.split == tuple(Split).index(split)
            assert sum(e.group.kind == Kind.RANDOM for e in silent) <= min(4, here.sum())


def test_a_feature_that_never_fires_has_silent_examples_alone(make_world: Callable) -> None:
    world = make_world(3, density=0.0, rows=60)

    pool, features = world.cut(world.state())

    assert len(pool.windows) == 40
    for feature in features:
        assert feature.statistics.firings == 0
        assert feature.statistics.max == 0.0
        for number, packed in enumerate(feature.examples.values()):
            assert len(packed.windows) == len(packed.member_window) == 0
            assert len(packed.silent_pool) == min(4, (pool.split == number).sum())


def test_the_pool_holds_a_text_once_and_every_segment_while_it_has_room(make_world: Callable) -> None:
    world = make_world(5, pool=10_000)

    pool, _ = world.cut(world.state())

    offsets = pool.windows.offsets
    texts = [tuple(pool.windows.tokens[a:b].tolist()) for a, b in pairwise(offsets.tolist())]
    middles = [
        (row, first + int(places[len(places) // 2]))
        for row in range(12)
        for first in (0, 8)
        if len(places := np.flatnonzero(world.readable[row, first : first + 8]))
    ]
    assert {tuple(world.tokens[r, slice(*window(world, r, p))].tolist()) for r, p in middles} == set(texts)
    assert len(set(texts)) == len(texts)


def test_nan_and_infinity_are_counted_and_left_out(make_world: Callable) -> None:
    world = make_world(7, density=0.5)
    good = make_world(7, density=0.5)
    where = np.argwhere(world.readable)[[3, 10]]
    world.acts[where[0][0], where[0][1], 0] = np.nan
    world.acts[where[1][0], where[1][1], 1] = np.inf
    world.acts[~world.readable] = np.nan
    for (row, position), feature in zip(where, (0, 1), strict=True):
        good.acts[row, position, feature] = 0

    state = world.state()

    assert state.saes[0].broken.count == 2
    wanted = good.state().arrays()
    for name, array in state.arrays().items():
        # What is not a number is not silent either, so the pool's firing sets hold it.
        assert name in ("sae0.broken", "pool.counts0", "pool.fired0") or np.array_equal(array, wanted[name]), name


@settings(max_examples=20, deadline=None)
@given(worlds)
def test_what_is_nan_or_infinite_in_a_window_is_not_shown_as_silent_there(make_world: Callable, seed: int) -> None:
    world = make_world(seed, density=0.05, rows=30)
    rng = np.random.default_rng(seed)
    world.acts[rng.random(world.acts.shape) < 0.02] = np.nan
    world.acts[rng.random(world.acts.shape) < 0.02] = np.inf

    for feature, splits in enumerate(harvested(world)):
        for e in (e for examples in splits.values() for e in examples if e.silent):
            assert (world.acts[e.context, e.start : e.start + len(e.tokens), feature] == 0).all()


@pytest.mark.parametrize("value", [1e-30, 1e30])
def test_activations_beyond_float16_are_neither_silent_nor_infinite(make_world: Callable, value: float) -> None:
    world = make_world(9)
    world.acts[world.acts > 0] = value

    for splits in harvested(world):
        for e in (e for examples in splits.values() for e in examples if not e.silent):
            assert 0 < e.activations[e.peak] < float("inf")
