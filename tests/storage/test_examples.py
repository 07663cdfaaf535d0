"""Examples: they come back as they were harvested, and no document serves two splits."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature, Pool, unpack
from autointerp.errors import InvalidInput
from autointerp.storage import examples, features, harvests, pools
from autointerp.storage.example_packing import pack_examples
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.harvests import ExampleTable
from autointerp.storage.tables.scores import ScoreTable

from .conftest import DOCUMENTS, SPEC, VOCABULARY, World, feature, packed, pool, statistics, windows


@pytest.mark.parametrize("split", Split)
def test_examples_come_back_as_the_harvest_made_them(world: World, split: Split) -> None:
    harvested = feature(4)
    (feature_id,) = world.store(harvested)

    with world.database.read() as session:
        loaded = examples.load(session, world.harvest, feature_id, split)

    assert loaded == unpack(harvested.examples[split], split=split, pool=pool(), vocabulary=VOCABULARY)
    assert len(loaded) == 3


def test_a_feature_without_examples_in_a_split_has_none(world: World) -> None:
    (feature_id,) = world.store(HarvestedFeature(0, statistics(firings=0, largest=0.0), {}))

    with world.database.read() as session:
        assert examples.load(session, world.harvest, feature_id, Split.SCORE) == ()


def test_a_harvest_whose_splits_are_disjoint_is_sound(world: World) -> None:
    world.store(feature(0), feature(1))

    with world.database.read() as session:
        assert examples.shared_documents(session, world.harvest) == ()


def test_a_document_in_two_splits_of_a_feature_is_refused(world: World) -> None:
    mixed = {Split.EXPLAIN: packed([1, 2]), Split.SCORE: packed([2, 3])}

    with pytest.raises(InvalidInput, match="document 2 is in more than one split"):
        world.store(HarvestedFeature(0, statistics(firings=1, largest=1.0), mixed))


def test_a_document_in_two_splits_of_two_features_is_refused(world: World) -> None:
    one = HarvestedFeature(0, statistics(firings=1, largest=1.0), {Split.EXPLAIN: packed([1])})
    other = HarvestedFeature(1, statistics(firings=1, largest=1.0), {Split.SCORE: packed([1])})

    with pytest.raises(InvalidInput, match="document 1 is in more than one split"):
        world.store(one, other)


def test_a_document_of_the_pool_in_another_split_is_refused(world: World) -> None:
    mixed = {Split.SCORE: packed([DOCUMENTS[Split.EXPLAIN]], silent=[2])}

    with pytest.raises(InvalidInput, match="document 100 is in more than one split"):
        world.store(HarvestedFeature(0, statistics(firings=1, largest=1.0), mixed))


def test_a_silent_example_in_another_split_than_its_segment_is_refused(world: World) -> None:
    misplaced = {Split.SCORE: packed([1], silent=[0])}

    with pytest.raises(InvalidInput, match="silent example of feature 0 is in the score split"):
        world.store(HarvestedFeature(0, statistics(firings=1, largest=1.0), misplaced))


def test_a_pool_with_a_document_in_two_splits_is_refused(world: World) -> None:
    with world.database.write() as session:
        other = harvests.create(session, SPEC)

    with pytest.raises(InvalidInput, match="document 5 is in more than one split"), world.database.write() as session:
        pools.store(session, other.id, Pool(windows([5, 5, 6]), pool().split))


def test_the_check_of_a_whole_harvest_finds_what_was_put_there_behind_its_back(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    with world.database.write() as session:
        overlapping = pack_examples(packed([DOCUMENTS[Split.EXPLAIN], 999]))
        session.sql.execute(sa.update(ExampleTable).where(ExampleTable.split == "score").values(packed=overlapping))

    with world.database.read() as session:
        assert examples.shared_documents(session, world.harvest) == (DOCUMENTS[Split.EXPLAIN],)
        assert examples.stored(session, world.harvest, feature_id, Split.SCORE)


def test_the_database_refuses_an_explanation_made_from_score_examples(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    explanation = world.explain(feature_id)

    with pytest.raises(IntegrityError, match="split"), world.database.write() as session:
        session.sql.execute(sa.update(ExplanationTable).where(ExplanationTable.id == explanation).values(split="score"))


def test_the_database_refuses_a_score_on_explain_examples(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    score = world.score(world.explain(feature_id))

    with pytest.raises(IntegrityError, match="split"), world.database.write() as session:
        session.sql.execute(sa.update(ScoreTable).where(ScoreTable.id == score).values(split="explain"))


def test_the_database_refuses_a_score_on_another_harvest_than_the_explanation(world: World) -> None:
    (feature_id,) = world.store(feature(0))
    score = world.score(world.explain(feature_id))
    with world.database.write() as session:
        other = harvests.create(session, SPEC)
        harvests.attach(
            session, other.id, model_id=world.model, sae_ids=[world.sae], corpus_fingerprint="c", tokens_total=1
        )
        pools.store(session, other.id, pool())
        features.store(session, harvest_id=other.id, sae_id=world.sae, features=[feature(0)])

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), world.database.write() as session:
        session.sql.execute(sa.update(ScoreTable).where(ScoreTable.id == score).values(harvest_id=other.id))


def test_an_explanation_of_a_feature_without_explain_examples_is_refused(world: World) -> None:
    (feature_id,) = world.store(HarvestedFeature(0, statistics(firings=0, largest=0.0), {}))

    with pytest.raises(InvalidInput, match="no explain examples"):
        world.explain(feature_id)


def test_a_score_of_a_feature_without_score_examples_is_refused(world: World) -> None:
    only = {Split.EXPLAIN: packed([1])}
    (feature_id,) = world.store(HarvestedFeature(0, statistics(firings=1, largest=1.0), only))
    explanation = world.explain(feature_id)

    with pytest.raises(InvalidInput, match="no score examples"):
        world.score(explanation)
