"""Features are stored while others are cut: all of them, and none after it is time to leave."""

from collections.abc import Iterator

import pytest

from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature
from autointerp.errors import InvalidInput
from autointerp.pipeline.device import Halted
from autointerp.pipeline.storing import AHEAD, BATCH, store_all
from autointerp.storage import features
from autointerp.storage.engine import Database
from autointerp.storage.records import FeatureFilter
from tests.api.seed import FEATURES, Seeded, seed
from tests.storage.conftest import feature

MANY = 4 * BATCH + 7


def silent(index: int) -> HarvestedFeature:
    """A feature without examples."""
    return HarvestedFeature(index, feature(0).statistics, {})


def added(database: Database, seeded: Seeded) -> int:
    """How many features are there that the seed did not store."""
    with database.read() as session:
        return features.count_features(session, FeatureFilter(harvest_id=seeded.harvest)) - FEATURES


def test_every_feature_is_stored(database: Database) -> None:
    seeded = seed(database)
    cut = (silent(FEATURES + number) for number in range(MANY))

    store_all(database, seeded.harvest, seeded.sae, cut, lambda: False)

    assert added(database, seeded) == MANY
    with database.read() as session:
        last = features.get_by_index(session, seeded.harvest, seeded.sae, FEATURES + MANY - 1)
    assert last.record.statistics.firings == feature(0).statistics.firings


def test_nothing_is_cut_after_it_is_time_to_leave(database: Database) -> None:
    seeded = seed(database)
    made: list[int] = []

    def cut() -> Iterator[HarvestedFeature]:
        for number in range(MANY):
            made.append(number)
            yield silent(FEATURES + number)

    with pytest.raises(Halted):
        store_all(database, seeded.harvest, seeded.sae, cut(), lambda: len(made) > BATCH)

    assert (added(database, seeded), len(made)) == (BATCH, 2 * BATCH)


def test_what_cannot_be_stored_ends_the_cutting(database: Database) -> None:
    seeded = seed(database)
    made: list[int] = []
    alike = feature(FEATURES).examples[Split.EXPLAIN]
    overlapping = HarvestedFeature(FEATURES, feature(0).statistics, {Split.EXPLAIN: alike, Split.SCORE: alike})

    def cut() -> Iterator[HarvestedFeature]:
        for number in range(10 * BATCH):
            made.append(number)
            yield silent(FEATURES + number) if number else overlapping

    with pytest.raises(InvalidInput, match="split"):
        store_all(database, seeded.harvest, seeded.sae, cut(), lambda: False)

    assert len(made) <= (AHEAD + 1) * BATCH
