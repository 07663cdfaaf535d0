"""Features: stored in bulk, listed with filters page by page, selected for a run."""

from typing import Any

import pytest

from autointerp.domain.packed import unpack_statistics
from autointerp.domain.specs import FeatureSelection
from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import features
from autointerp.storage.records import FeatureFilter, FeatureOrder, FeatureRow

from .conftest import VOCABULARY, World, feature


@pytest.fixture
def ids(world: World) -> tuple[int, ...]:
    """Ten features; those with an even index have two explanations, the third one scores best."""
    stored = world.store(*(feature(i, firings=i * 10, largest=float((i * 7) % 10)) for i in range(10)))
    for i in (0, 2, 4, 6, 8):
        world.explain(stored[i], text="fires on cats")
        world.score(world.explain(stored[i], text=f"100 % of number {i}"), value=0.9 if i == 4 else i / 20)
    return stored


def listed(world: World, order: FeatureOrder = FeatureOrder.INDEX, **filters: Any) -> list[int]:
    """List in pages of three and return the indices."""
    wanted = FeatureFilter(harvest_id=world.harvest, **filters)
    found: list[FeatureRow] = []
    with world.database.read() as session:
        while page := features.list_features(
            session, wanted, order=order, after=found[-1].id if found else None, limit=3
        ):
            found += page
        assert features.count_features(session, wanted) == len(found)
    return [row.record.index for row in found]


def test_a_feature_comes_back_with_its_statistics(world: World, ids: tuple[int, ...]) -> None:
    with world.database.read() as session:
        row = features.get(session, world.harvest, ids[3])

    expected = feature(3, firings=30, largest=1.0)
    assert (3, "f" * 64, unpack_statistics(expected.statistics, VOCABULARY)) == (
        row.record.index,
        row.record.sae,
        row.record.statistics,
    )
    assert (world.harvest, world.sae) == (row.harvest_id, row.sae_id)


def test_storing_the_same_features_again_changes_nothing(world: World, ids: tuple[int, ...]) -> None:
    assert world.store(*(feature(i, firings=999) for i in range(10))) == ids

    with world.database.read() as session:
        assert features.get(session, world.harvest, ids[3]).record.statistics.firings == 30


def test_many_come_in_the_order_asked(world: World, ids: tuple[int, ...]) -> None:
    with world.database.read() as session:
        rows = features.get_many(session, world.harvest, [ids[5], ids[1]])

    assert [5, 1] == [row.record.index for row in rows]


def test_a_list_may_have_fewer_tokens_of_each_kind(world: World, ids: tuple[int, ...]) -> None:
    wanted = FeatureFilter(harvest_id=world.harvest)
    with world.database.read() as session:
        (row,) = features.list_features(session, wanted, order=FeatureOrder.INDEX, after=None, limit=1, tokens=0)
        whole = features.get(session, world.harvest, ids[0])

    short = row.record.statistics
    assert ((), (), (), ()) == (short.top_tokens, short.promoted, short.suppressed, short.neighbours)
    assert whole.record.statistics.histogram == short.histogram
    assert whole.record.statistics.promoted


def test_a_feature_that_is_not_there_is_not_found(world: World, ids: tuple[int, ...]) -> None:
    with world.database.read() as session:
        with pytest.raises(NotFound, match="no feature 12345"):
            features.get(session, world.harvest, 12345)
        with pytest.raises(NotFound, match="no feature 12345"):
            features.get_many(session, world.harvest, [ids[0], 12345])
        with pytest.raises(NotFound, match="no feature with index 77"):
            features.get_by_index(session, world.harvest, world.sae, 77)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (FeatureOrder.INDEX, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (FeatureOrder.DENSITY, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (FeatureOrder.MAX, [7, 4, 1, 8, 5, 2, 9, 6, 3, 0]),
        (FeatureOrder.SCORE, [4, 8, 6, 2, 0, 1, 3, 5, 7, 9]),
    ],
)
@pytest.mark.usefixtures("ids")
def test_a_list_has_every_feature_once_in_its_order(world: World, order: FeatureOrder, expected: list[int]) -> None:
    assert listed(world, order) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"start": 7}, [7, 8, 9]),
        ({"stop": 2}, [0, 1]),
        ({"min_density": 0.08}, [8, 9]),
        ({"max_density": 0.01}, [0, 1]),
        ({"min_firings": 70, "max_density": 0.08}, [7, 8]),
        ({"explained": True}, [0, 2, 4, 6, 8]),
        ({"explained": False}, [1, 3, 5, 7, 9]),
        ({"text": "CATS"}, [0, 2, 4, 6, 8]),
        ({"text": "number 6"}, [6]),
        ({"text": "100 %"}, [0, 2, 4, 6, 8]),
        ({"text": "1%"}, []),
        ({"text": "dogs"}, []),
        ({"sae_id": 999}, []),
    ],
)
@pytest.mark.usefixtures("ids")
def test_a_list_can_be_filtered(world: World, filters: dict[str, Any], expected: list[int]) -> None:
    assert listed(world, **filters) == expected


def select(world: World, seed: int = 0, **options: Any) -> tuple[int, ...]:
    with world.database.read() as session:
        return features.select(session, world.harvest, FeatureSelection.model_validate(options), seed)


def test_a_selection_keeps_what_fires_often_enough_and_not_too_often(world: World, ids: tuple[int, ...]) -> None:
    assert select(world) == ids[2:]
    assert select(world, min_firings=50, max_density=0.07) == ids[5:8]
    assert select(world, start=4, stop=6) == ids[4:6]


def test_a_list_of_indices_is_taken_as_it_is(world: World, ids: tuple[int, ...]) -> None:
    assert select(world, indices=(9, 0, 9)) == (ids[9], ids[0])


def test_a_sample_depends_on_the_seed_alone(world: World, ids: tuple[int, ...]) -> None:
    samples = [select(world, seed, sample=3) for seed in range(20)]

    assert samples == [select(world, seed, sample=3) for seed in range(20)]
    assert {len(set(sample)) for sample in samples} == {3}
    assert len(set(samples)) > 5
    assert {feature_id for sample in samples for feature_id in sample} == set(ids[2:])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"indices": (10,)}, "feature 10 does not exist: planted sae has the features 0 to 9"),
        ({"min_firings": 1000}, "no feature of planted sae passes"),
        ({"sae": 1}, "has 1 SAEs, so there is no SAE 1"),
    ],
)
@pytest.mark.usefixtures("ids")
def test_a_selection_that_cannot_be_made_says_why(world: World, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        select(world, **options)


def test_an_index_that_was_not_harvested_says_so(world: World) -> None:
    world.store(feature(0))

    with pytest.raises(InvalidInput, match="feature 1 of planted sae is not in this harvest"):
        select(world, indices=(0, 1))
