"""Peaks that can still matter are those that a plain search finds, on the last bit."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.domain.features import BINS
from autointerp.harvest.chance import feature_keys
from autointerp.harvest.rows import Firings, lay_out
from autointerp.harvest.survey import Floors, survey
from tests.harvest import reference

# Denormal, smallest normal, neighbours on the last bit, the edges of bins, and the largest.
STRENGTHS = np.array(
    [1e-45, 1.1754944e-38, 0.99999994, 1, 1.0000001, 1.1892071, 1.1892072, 65504, 3.4028235e38], dtype=np.float32
)
NONE = np.zeros(0, np.int32)
shapes = st.sampled_from(
    [(16, 8, 8), (16, 5, 8), (16, 8, 3), (7, 3, 7), (20, 1, 5), (33, 32, 32), (2, 1, 1), (9, 9, 2)]
)
limits = st.lists(st.integers(0, 2), min_size=3, max_size=3).map(np.array)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    shapes,
    st.sampled_from([1, 3, 300]),
    st.sampled_from([0.0, 0.1, 0.8, 1.0]),
    st.lists(limits, min_size=3, max_size=3),
    st.booleans(),
    st.sampled_from([0, 12_345, 2**38]),
)
def test_candidates_are_those_of_a_plain_search(
    make_spec: Callable,
    seed: int,
    shape: tuple[int, int, int],
    features: int,
    density: float,
    kept: list[np.ndarray],
    apart: bool,
    first: int,
) -> None:
    context, segment, window = shape
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(0, 5))
    documents = np.cumsum(rng.random((rows, context)) < 0.2).reshape(rows, context)
    readable = rng.random((rows, context)) < 0.9
    page = lay_out(
        first,
        rng.integers(0, 4, (rows, context)).astype(np.int32),
        documents,
        readable,
        make_spec(context=context, segment=segment, window=window),
    )
    feature, place = np.nonzero((rng.random((features, rows * context)) < density) & page.readable)
    value = STRENGTHS[rng.integers(0, len(STRENGTHS), len(feature))]
    firings = Firings(feature.astype(np.int32), place.astype(np.int32), value, NONE, NONE)
    keys = feature_keys(np.uint64(seed), features)
    floors = Floors.of(*kept, features)
    # Lists that are full ask for something.
    floors.top[rng.random(len(floors.top)) < 0.3] = rng.choice(STRENGTHS)
    floors.all[rng.random(len(floors.all)) < 0.6] = rng.integers(0, 2**64 - 1, dtype=np.uint64)
    floors.bin[rng.random(len(floors.bin)) < 0.6] = rng.integers(0, 2**64 - 1, dtype=np.uint64)

    found = survey(firings, page, keys, floors, apart=apart)

    wanted = reference.survey(firings, page, keys, floors, apart=apart)
    for column in (field.name for field in fields(wanted)):
        assert getattr(found, column).dtype == getattr(wanted, column).dtype, column
        assert np.array_equal(getattr(found, column), getattr(wanted, column)), column


def test_the_last_of_very_many_features_is_found_in_its_own_slot(make_spec: Callable) -> None:
    features = 262_144
    page = lay_out(0, np.ones((1, 16), np.int32), np.zeros((1, 16), np.int64), np.ones((1, 16), np.bool_), make_spec())
    last = np.array([features - 1], np.int32)
    firings = Firings(last, np.array([3], np.int32), np.ones(1, np.float32), NONE, NONE)
    closed, open_ = np.zeros(3, np.int64), np.ones(3, np.int64)
    keys = feature_keys(np.uint64(1), features)
    floors = Floors.of(closed, closed, open_, features)
    split = int(page.split[3])
    slot = (features - 1) * 3 + split

    assert survey(firings, page, keys, floors, apart=True).at.tolist() == [0]
    floors.bin[slot * BINS : (slot + 1) * BINS] = 0
    assert survey(firings, page, keys, floors, apart=True).at.tolist() == []


@pytest.mark.parametrize("features", [1, 5])
def test_pages_without_firings_have_no_candidates(make_spec: Callable, features: int) -> None:
    page = lay_out(0, np.ones((2, 16), np.int32), np.zeros((2, 16), np.int64), np.zeros((2, 16), np.bool_), make_spec())
    firings = Firings(NONE, NONE, np.zeros(0, np.float32), NONE, NONE).by_feature(features)
    keys, full = feature_keys(np.uint64(1), features), np.full(3, 9)

    assert len(survey(firings, page, keys, Floors.of(full, full, full, features), apart=True).at) == 0
