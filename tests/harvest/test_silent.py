"""Silent examples, held against dense activations, the text, and a search through the whole pool."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.domain.examples import SILENT, Example, Kind, Split
from autointerp.domain.packed import HarvestedFeature, Pool, unpack
from autointerp.domain.specs import DEFAULT_SIZES, Sizes
from autointerp.errors import InvalidSpec
from autointerp.harvest.merge import Merged
from autointerp.subject.planted import planted

from .conftest import letters

worlds = st.integers(0, 100_000)
shapes = st.sampled_from([(8, 8), (8, 4), (4, 8), (16, 8), (5, 16)])
SIZES = Sizes(top=3, per_interval=1, per_quantile=1, random=3, same_token=2, neighbour=3, similar_text=2)


def cut(make_world: Callable, seed: int, **changes: Any) -> tuple[Any, Pool, list[HarvestedFeature]]:
    changes = {"density": 0.04, "features": 6, "rows": 20, "pool": 200, "sizes": SIZES} | changes
    world = make_world(seed, **changes)
    return world, *world.cut(world.state())


def silent(world: Any, pool: Pool, feature: HarvestedFeature, split: Split) -> list[Example]:
    examples = unpack(feature.examples[split], split=split, pool=pool, vocabulary=world.vocabulary)
    return [example for example in examples if example.silent]


def fires(world: Any, feature: int, window: tuple[int, int, int]) -> bool:
    context, start, length = window
    return bool(world.acts[context, start : start + length, feature].any())


def windows(pool: Pool, split: Split) -> dict[int, tuple[int, int, int]]:
    """The windows of one split's part of the pool, by position."""
    lengths = np.diff(pool.windows.offsets)
    return {
        int(i): (int(pool.windows.context[i]), int(pool.windows.start[i]), int(lengths[i]))
        for i in np.flatnonzero(pool.split == tuple(Split).index(split))
    }


def free(world: Any, pool: Pool, feature: HarvestedFeature, split: Split) -> set[int]:
    """The positions of a split in which the feature is silent, whose text is shown in none of its firing examples."""
    shown = {
        tuple(packed.windows.tokens[packed.windows.offsets[i] : packed.windows.offsets[i + 1]].tolist())
        for packed in feature.examples.values()
        for i in range(len(packed.windows))
    }
    return {
        i
        for i, window in windows(pool, split).items()
        if not fires(world, feature.index, window)
        and tuple(world.tokens[window[0], window[1] : window[1] + window[2]].tolist()) not in shown
    }


@settings(max_examples=40, deadline=None)
@given(worlds, shapes, st.sampled_from([0.01, 0.05, 0.3]))
def test_every_kind_is_silent_in_its_own_window_and_no_window_is_taken_twice(
    make_world: Callable, seed: int, shape: tuple[int, int], density: float
) -> None:
    world, pool, features = cut(make_world, seed, segment=shape[0], window=shape[1], density=density)

    for feature in features:
        for split in Split:
            found = silent(world, pool, feature, split)
            assert len({e.window for e in found}) == len(found)
            for e in found:
                dense = world.acts[e.context, e.start : e.start + len(e.tokens), feature.index]
                assert not dense.any()
                assert set(e.activations) <= {0.0}


@settings(max_examples=20, deadline=None)
@given(worlds)
def test_each_kind_is_as_full_as_the_pool_allows(make_world: Callable, seed: int) -> None:
    world, pool, features = cut(make_world, seed)

    for feature in features:
        top, near = set(feature.statistics.top_token.tolist()), feature.statistics.neighbour.tolist()
        for split in Split:
            packed, left = feature.examples[split], free(world, pool, feature, split)
            kinds = [tuple(Kind)[kind] for kind in packed.silent_kind]
            of = {k: {int(p) for p, kind in zip(packed.silent_pool, kinds, strict=True) if kind is k} for k in SILENT}
            here = windows(pool, split)

            assert len(of[Kind.RANDOM]) == min(SIZES.random, len(left))
            left -= of[Kind.RANDOM]
            holding = {i for i in left if top & set(world.tokens[here[i][0], here[i][1] : sum(here[i][1:])].tolist())}
            assert of[Kind.SAME_TOKEN] <= holding
            assert len(of[Kind.SAME_TOKEN]) == min(SIZES.same_token, len(holding))
            left -= of[Kind.SAME_TOKEN]
            beside = {i for i in left if any(fires(world, other, here[i]) for other in near)}
            assert of[Kind.NEIGHBOUR] <= beside
            assert len(of[Kind.NEIGHBOUR]) == min(SIZES.neighbour, len(beside))


@settings(max_examples=20, deadline=None)
@given(worlds, st.sampled_from([0.01, 0.3]))
def test_of_the_score_split_all_windows_of_the_pool_are_known_in_which_a_feature_fires(
    make_world: Callable, seed: int, density: float
) -> None:
    world, pool, features = cut(make_world, seed, density=density)

    for feature in features:
        firing = [i for i, window in windows(pool, Split.SCORE).items() if fires(world, feature.index, window)]
        found = feature.examples[Split.SCORE].fired_pool
        assert found is not None
        assert sorted(firing) == found.tolist()
        assert feature.examples[Split.EXPLAIN].fired_pool is None


@settings(max_examples=20, deadline=None)
@given(worlds)
def test_similar_text_is_what_is_nearest_to_the_strongest_examples(make_world: Callable, seed: int) -> None:
    world, pool, features = cut(make_world, seed)
    text = ["".join(world.vocabulary.render(pool.windows.tokens[a:b].tolist())) for a, b in _edges(pool.windows)]
    vectors = letters(text)

    for feature in features:
        explain = feature.examples[Split.EXPLAIN]
        tops = [
            "".join(world.vocabulary.render(explain.windows.tokens[slice(*_edges(explain.windows)[w])].tolist()))
            for w, kind in zip(explain.member_window, explain.member_kind, strict=True)
            if tuple(Kind)[kind] is Kind.TOP
        ]
        if not tops:
            continue
        similarity = vectors @ letters(tops[:5]).mean(axis=0)
        for split in Split:
            packed = feature.examples[split]
            chosen = packed.silent_pool[packed.silent_kind == tuple(Kind).index(Kind.SIMILAR_TEXT)]
            others = set(packed.silent_pool.tolist()) - set(chosen.tolist())
            left = sorted(free(world, pool, feature, split) - others, key=lambda i: -similarity[i])
            wanted = similarity[left[: SIZES.similar_text]]
            np.testing.assert_allclose(similarity[chosen], wanted, atol=1e-5)


def _edges(windows: Any) -> list[tuple[int, int]]:
    return list(pairwise(windows.offsets.tolist()))


def test_the_windows_of_one_neighbour_do_not_crowd_out_the_others(make_world: Callable) -> None:
    world, pool, features = cut(make_world, 1, rows=200, pool=2000, density=0.02, sizes=SIZES)

    for feature in features:
        here = silent(world, pool, feature, Split.EXPLAIN)
        found = [e for e in here if e.group.kind is Kind.NEIGHBOUR]
        firing = [{n for n in range(6) if fires(world, n, (e.context, e.start, len(e.tokens)))} for e in found]
        assert len(found) == SIZES.neighbour
        assert len(set().union(*firing)) >= SIZES.neighbour


def test_a_spec_that_asks_for_similar_text_needs_an_embedding_model(make_spec: Callable, make_world: Callable) -> None:
    subject = planted()
    world = make_world(0, sizes=SIZES)
    state = world.state()
    state.saes[0].fingerprint = subject.dictionary.fingerprint

    with pytest.raises(InvalidSpec, match="similar_text"):
        list(Merged(state=state, corpus="c", pool=world.cut(state)[0]).features(0, subject.dictionary, subject.model))


def test_the_default_sizes_need_no_embedding_model() -> None:
    assert not any(sizes.similar_text for sizes in DEFAULT_SIZES.values())
    assert all(sizes.neighbour for sizes in DEFAULT_SIZES.values())


def test_a_spec_of_before_these_kinds_still_loads() -> None:
    old = {"top": 1, "per_interval": 1, "per_quantile": 1, "random": 1, "same_token": 1}

    assert Sizes(**old).neighbour == Sizes(**old).similar_text == 0
