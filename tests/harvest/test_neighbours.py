"""Neighbours are what a search through all directions and all firing sets finds."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.harvest.chance import key_for
from autointerp.harvest.index import Index
from autointerp.harvest.largest import largest
from autointerp.harvest.neighbours import NOBODY, SAMPLE, Neighbourhood, Neighbours
from autointerp.harvest.pool import SilentPool


def neighbourhood(fires: np.ndarray, directions: torch.Tensor) -> Neighbourhood:
    """Of a pool whose windows and features fire as said, (window, feature)."""
    pool = SilentPool(len(fires), key_for(0, "pool"), 1)
    pool.counts = [fires.sum(axis=1).astype(np.int32)]
    pool.fired = [np.nonzero(fires)[1].astype(np.int32)]
    fired = Index.of(pool.fired[0], pool.counts[0], fires.shape[1])
    return Neighbourhood.of(pool, fired, directions, sae=0)


def made(seed: int, windows: int, features: int, density: float) -> tuple[np.ndarray, torch.Tensor]:
    rng = np.random.default_rng(seed)
    fires = rng.random((windows, features)) < density * rng.random(features) * 2
    directions = torch.from_numpy(rng.normal(size=(features, 4)).astype(np.float32))
    return fires, torch.nn.functional.normalize(directions)


def jaccard(fires: np.ndarray, one: int, other: int) -> float:
    either = (fires[:, one] | fires[:, other]).sum()
    return float((fires[:, one] & fires[:, other]).sum() / either) if either else 0.0


def blocks(hood: Neighbourhood, k: int) -> Neighbours:
    """The neighbours of all features, made in blocks of three."""
    size = len(hood.directions)
    parts = [hood.nearest(first, min(first + 3, size), k) for first in range(0, size, 3)]
    columns = ("feature", "cosine", "coactivation")
    return Neighbours(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 15), st.sampled_from([0.02, 0.2, 0.6]))
def test_they_are_those_of_a_search(seed: int, features: int, k: int, density: float) -> None:
    fires, directions = made(seed, SAMPLE, features, density)

    found = blocks(neighbourhood(fires, directions), k)

    cosine = (directions @ directions.T).numpy()
    k = min(k, features - 1)
    for one in range(features):
        others = [other for other in range(features) if other != one]
        near, together = found.feature[one, :k].tolist(), found.feature[one, k:].tolist()
        np.testing.assert_allclose(
            sorted((cosine[one, other] for other in others), reverse=True)[:k], cosine[one, near], atol=1e-6
        )
        shared = {other: jaccard(fires, one, other) for other in others if other not in near}
        wanted = sorted((other for other in shared if shared[other] > 0), key=lambda other: (-shared[other], other))
        assert [*wanted[:k], *[NOBODY] * (k - len(wanted))] == together
        for place, other in enumerate(found.feature[one].tolist()):
            if other != NOBODY:
                np.testing.assert_allclose(found.cosine[one, place], cosine[one, other], atol=1e-6)
                np.testing.assert_allclose(found.coactivation[one, place], jaccard(fires, one, other), atol=1e-6)


def test_of_a_feature_that_fires_often_the_overlap_is_estimated() -> None:
    fires, directions = made(3, 20_000, 20, 0.3)

    found = blocks(neighbourhood(fires, directions), 10)

    for one in range(20):
        exact = [jaccard(fires, one, other) for other in found.feature[one].tolist() if other != NOBODY]
        np.testing.assert_allclose(found.coactivation[one, : len(exact)], exact, atol=0.2)


@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(0, 20))
def test_the_largest_entries_come_in_order_and_of_equals_the_first(seed: int, width: int, k: int) -> None:
    values = np.random.default_rng(seed).integers(0, 5, (4, width)).astype(np.float32)
    k = min(k, width)

    column, value = largest(torch.from_numpy(values), k)

    wanted = np.argsort(-values, axis=1, kind="stable")[:, :k]
    assert wanted.tolist() == column.tolist()
    assert np.take_along_axis(values, wanted, axis=1).tolist() == value.tolist()
