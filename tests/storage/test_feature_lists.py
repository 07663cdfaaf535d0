"""Lists of features against plain Python over the same records, for any filters, order and size of page."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import feature_lists
from autointerp.storage.records import FeatureFilter, FeatureOrder

from .conftest import World, feature

COUNT = 60
WORDS = ("red", "green", "blue", "violet")
# The database is the same for all examples and is only read.
READING = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Known:
    """What is known of a feature without asking the database."""

    id: int
    index: int
    firings: int
    max: float
    texts: tuple[str, ...]
    best: float | None

    @property
    def density(self) -> float:
        return self.firings / 1000


@pytest.fixture
def known(world: World) -> list[Known]:
    """Features with many equal values, some of them without explanations or scores, stored in no order."""
    rng = random.Random(0)
    indices = rng.sample(range(COUNT), COUNT)
    made = [(rng.choice((0, 1, 5, 5, 80)), float(rng.choice((0, 1, 2)))) for _ in indices]
    stored = zip(indices, made, strict=True)
    ids = world.store(*(feature(index, firings=firings, largest=largest) for index, (firings, largest) in stored))
    found: list[Known] = []
    for feature_id, index, (firings, largest) in zip(ids, indices, made, strict=True):
        texts = tuple(" ".join(rng.sample(WORDS, 2)) for _ in range(rng.choice((0, 1, 2))))
        values: list[float] = []
        for text in texts:
            claim = world.explain(feature_id, text=text)
            for value in rng.sample((0.25, 0.5, 0.5, None), rng.choice((0, 1, 2))):
                world.score(claim, value=value)
                values += [] if value is None else [value]
        found.append(Known(feature_id, index, firings, largest, texts, max(values, default=None)))
    return found


def passes(feature: Known, filters: Mapping[str, Any]) -> bool:
    """Whether a feature passes, as the filters' own words say."""
    tests = {
        "start": lambda x: feature.index >= x,
        "stop": lambda x: feature.index < x,
        "min_density": lambda x: feature.density >= x,
        "max_density": lambda x: feature.density <= x,
        "min_firings": lambda x: feature.firings >= x,
        "explained": lambda x: bool(feature.texts) == x,
        "text": lambda x: any(set(x.split()) <= set(text.split()) for text in feature.texts),
    }
    return all(tests[name](bound) for name, bound in filters.items())


def in_order(features: list[Known], order: FeatureOrder) -> list[Known]:
    """The features in the order of a list."""
    if order is FeatureOrder.INDEX:
        return sorted(features, key=lambda one: one.index)
    if order is FeatureOrder.SCORE:
        scored = [one for one in features if one.best is not None]
        unscored = sorted((one for one in features if one.best is None), key=lambda one: one.id)
        return [*sorted(scored, key=lambda one: (one.best, one.id), reverse=True), *unscored]
    return sorted(features, key=lambda one: (getattr(one, order.value), one.id), reverse=True)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "start": st.integers(0, COUNT),
        "stop": st.integers(0, COUNT),
        "min_density": st.sampled_from([0, 0.001, 0.005, 0.08]),
        "max_density": st.sampled_from([0, 0.001, 0.005, 0.08]),
        "min_firings": st.integers(0, 6),
        "explained": st.booleans(),
        "text": st.sampled_from(["red", "green blue", "violet", "yellow"]),
    },
)


@READING
@given(
    filters=FILTERS,
    order=st.sampled_from(FeatureOrder),
    limit=st.integers(4, COUNT),
    few=st.sampled_from([0, 10, feature_lists.FEW]),
)
def test_a_list_read_page_by_page_is_what_python_finds_in_the_records(
    world: World, known: list[Known], filters: dict[str, Any], order: FeatureOrder, limit: int, few: int
) -> None:
    wanted = FeatureFilter(harvest_id=world.harvest, **filters)
    found: list[int] = []
    with world.database.read() as session:
        while page := feature_lists.ids(
            session, wanted, order=order, after=found[-1] if found else None, limit=limit, few=few
        ):
            found += page
        counted = feature_lists.count(session, wanted)

    expected = [one.id for one in in_order([one for one in known if passes(one, filters)], order)]
    assert expected == found
    assert len(expected) == counted


def test_a_page_after_a_feature_that_is_not_there_is_refused(world: World, known: list[Known]) -> None:
    wanted = FeatureFilter(harvest_id=world.harvest)

    with world.database.read() as session, pytest.raises(NotFound, match="no feature 98765"):
        feature_lists.ids(session, wanted, order=FeatureOrder.SCORE, after=98765, limit=1)


def test_a_text_without_words_is_refused(world: World, known: list[Known]) -> None:
    wanted = FeatureFilter(harvest_id=world.harvest, text="!?")

    with world.database.read() as session, pytest.raises(InvalidInput, match="no word in the text"):
        feature_lists.ids(session, wanted, order=FeatureOrder.INDEX, after=None, limit=1)
