"""The sample of a harvest is what its pool holds of one split."""

from dataclasses import replace

import numpy as np
import pytest

from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature, Pool
from autointerp.errors import NotFound
from autointerp.storage import harvests, pools, samples
from tests.storage.conftest import SPEC, World, feature, windows

DOCUMENTS = (100, 300, 301, 200, 302)
SPLITS = np.array([0, 2, 2, 1, 2], dtype=np.uint8)  # of the pool: explain, score, score, validation, score


def firing(index: int, positions: list[int] | None) -> HarvestedFeature:
    """A feature that fires at these positions of the pool."""
    harvested = feature(index)
    kept = None if positions is None else np.array(positions, np.int32)
    none = {"silent_pool": np.zeros(0, np.int32), "silent_kind": np.zeros(0, np.uint8)}
    found = {split: replace(packed, **none) for split, packed in harvested.examples.items()}
    found[Split.SCORE] = replace(found[Split.SCORE], fired_pool=kept)
    return replace(harvested, examples=found)


@pytest.fixture
def empty(world: World) -> World:
    """Another harvest, without a pool."""
    with world.database.write() as session:
        harvest = harvests.create(session, SPEC.model_copy(update={"seed": 1}))
        harvests.attach(
            session, harvest.id, model_id=world.model, sae_ids=[world.sae], corpus_fingerprint="c", tokens_total=1000
        )
    return replace(world, harvest=harvest.id)


@pytest.fixture
def stored(empty: World) -> World:
    """It has a pool of five windows, and three features."""
    with empty.database.write() as session:
        pools.store(session, empty.harvest, Pool(windows(DOCUMENTS), SPLITS))
    empty.store(firing(0, [2, 4]), firing(1, []), firing(2, None))
    return empty


def test_the_windows_of_the_score_split_are_shown_as_text_in_the_pools_order(stored: World) -> None:
    with stored.database.read() as session:
        found = samples.windows(session, stored.harvest, Split.SCORE)
        again = samples.windows(session, stored.harvest, Split.SCORE)

    assert [window.document for window in found] == [300, 301, 302]
    assert [(window.context, window.start) for window in found] == [(8, 3), (9, 6), (11, 12)]
    assert next(window.pieces for window in found) == ("", "é", "the")
    assert again is found


@pytest.mark.parametrize(("index", "expected"), [(0, [False, True, True]), (1, [False, False, False])])
def test_where_a_feature_fires_is_told_for_each_window(stored: World, index: int, expected: list[bool]) -> None:
    with stored.database.read() as session:
        found = samples.fired(session, stored.harvest, stored.sae, index, Split.SCORE)

    assert found is not None
    assert found.tolist() == expected


@pytest.mark.parametrize("index", [2, 9])
def test_what_a_harvest_did_not_keep_is_not_known(stored: World, index: int) -> None:
    with stored.database.read() as session:
        assert samples.fired(session, stored.harvest, stored.sae, index, Split.SCORE) is None


def test_a_harvest_without_a_pool_has_no_sample(empty: World) -> None:
    with empty.database.read() as session, pytest.raises(NotFound, match="pool"):
        samples.windows(session, empty.harvest, Split.SCORE)
