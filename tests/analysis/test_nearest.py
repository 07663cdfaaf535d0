"""The nearest vectors are found among many, from one byte a number."""

import numpy as np
import pytest
from numpy.typing import NDArray

from autointerp.analysis.nearest import BEST, BLOCK, Nearest, quantise


def vectors(count: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors in clusters that have something in common, as those of sentences."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, count // 50), dimensions)) + rng.normal(size=dimensions)
    found = centres[rng.integers(len(centres), size=count)] + 0.7 * rng.normal(size=(count, dimensions))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def filled(found: NDArray[np.float32], *, lots: int) -> Nearest:
    index = Nearest(found.shape[1])
    for lot in np.array_split(found, lots):
        index.add(*quantise(lot))
    return index


def test_what_is_quantised_is_nearly_what_it_was() -> None:
    found = vectors(100, 48, 0)
    found[3] = 0

    codes, scales = quantise(found)

    assert np.abs(codes * scales[:, None] - found).max() <= scales.max() / 2 + 1e-7


@pytest.mark.parametrize("allowed", [False, True])
def test_among_few_the_order_is_that_of_the_bytes_exactly(allowed: bool) -> None:
    found = vectors(1_000, 40, 1)
    codes, scales = quantise(found)
    mask = np.arange(1_000) % 3 == 0 if allowed else None

    positions, similar = filled(found, lots=3).search(found[17], 10, allowed=mask)

    exact = (codes * scales[:, None]) @ found[17]
    if mask is not None:
        exact[~mask] = -np.inf
    assert positions.tolist() == np.argsort(-exact, kind="stable")[:10].tolist()
    np.testing.assert_allclose(similar, exact[positions], rtol=1e-5)


def test_among_many_nearly_all_of_the_nearest_are_found() -> None:
    found = vectors(2 * BLOCK + 7, 96, 2)
    index = filled(found, lots=4)
    assert index.size > 10 * BEST

    hits = 0
    for i in range(0, 2_000, 50):
        exact = np.argpartition(-(found @ found[i]), 10)[:10]
        positions, _ = index.search(found[i], 10, allowed=None)
        assert positions[0] == i
        hits += len(np.intersect1d(positions, exact))

    assert hits / 400 > 0.97


def test_what_is_not_allowed_is_never_found() -> None:
    found = vectors(2 * BLOCK, 64, 3)
    mask = np.arange(len(found)) % 7 == 1

    positions, _ = filled(found, lots=2).search(found[0], 50, allowed=mask)

    assert len(positions) == 50
    assert mask[positions].all()
