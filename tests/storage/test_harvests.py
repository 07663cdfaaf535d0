"""Harvests, and the models and SAEs they read."""

import pytest

from autointerp.errors import NotFound
from autointerp.storage import harvests, models, pools, saes, vocabularies
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.records import HarvestState

from .conftest import SPEC, VOCABULARY, World, pool


def register(session: WriteSession, name: str) -> int:
    return models.register(
        session, name=name, revision=None, dtype="float32", width=4, layers=1, max_context=8, vocabulary=VOCABULARY
    ).id


def test_the_same_model_is_registered_once(database: Database) -> None:
    with database.write() as session:
        assert register(session, "a") == register(session, "a") != register(session, "b")

    with database.read() as session:
        first, second = models.list_models(session, after=None, limit=10)
        assert models.list_models(session, after=first.id, limit=10) == (second,)
        assert vocabularies.get(session, first.vocabulary_fingerprint) == VOCABULARY


def test_the_same_sae_is_registered_once_for_each_model(world: World) -> None:
    with world.database.write() as session:
        known = saes.get(session, world.sae)
        same = saes.register(
            session,
            model_id=world.model,
            fingerprint=known.fingerprint,
            name="other name",
            kind="topk",
            hook="h",
            width=4,
            features=10,
            source={},
        )

    assert same == known
    assert known.source == {"path": "sae"}


def test_a_harvest_comes_back_with_its_spec_and_parts(world: World) -> None:
    with world.database.read() as session:
        harvest = harvests.get(session, world.harvest)

    assert (SPEC, SPEC.digest, HarvestState.WAITING) == (harvest.spec, harvest.spec_digest, harvest.state)
    assert (world.model, (world.sae,), 1000) == (harvest.model_id, harvest.sae_ids, harvest.tokens_total)
    assert harvest.seconds is None


def test_a_harvest_runs_counts_and_finishes(world: World) -> None:
    with world.database.write() as session:
        assert harvests.set_state(session, world.harvest, HarvestState.RUNNING)
        harvests.add_tokens(session, world.harvest, 300)
        harvests.add_tokens(session, world.harvest, 200)
        assert harvests.finish(session, world.harvest, seconds=1.5)

    with world.database.read() as session:
        harvest = harvests.get(session, world.harvest)
        assert (HarvestState.FINISHED, 500, 1.5) == (harvest.state, harvest.tokens_done, harvest.seconds)
        assert harvest.finished_at is not None
        assert harvests.newest(session, world.sae) == harvest


def test_a_finished_harvest_stays_finished(world: World) -> None:
    with world.database.write() as session:
        harvests.finish(session, world.harvest, seconds=1.0)

        assert not harvests.fail(session, world.harvest, "late")
        assert not harvests.set_state(session, world.harvest, HarvestState.RUNNING)
        assert harvests.finish(session, world.harvest, seconds=2.0)
        assert harvests.get(session, world.harvest).seconds == 1.0


def test_a_failed_harvest_can_run_again_and_forgets_its_error(world: World) -> None:
    with world.database.write() as session:
        assert harvests.fail(session, world.harvest, "no room")
        assert harvests.get(session, world.harvest).error == "no room"
        assert harvests.newest(session, world.sae) is None

        assert harvests.set_state(session, world.harvest, HarvestState.RUNNING)
        assert harvests.get(session, world.harvest).error is None


def test_a_cancelled_harvest_is_not_taken_up_by_one_who_asks_for_a_harvest_under_way(world: World) -> None:
    under_way = (HarvestState.WAITING, HarvestState.RUNNING)
    with world.database.write() as session:
        assert harvests.set_state(session, world.harvest, HarvestState.RUNNING, origins=under_way)
        assert harvests.set_state(session, world.harvest, HarvestState.RUNNING, origins=under_way)
        assert harvests.set_state(session, world.harvest, HarvestState.CANCELLED)

        assert not harvests.set_state(session, world.harvest, HarvestState.RUNNING, origins=under_way)
        assert harvests.get(session, world.harvest).state is HarvestState.CANCELLED


def test_a_harvest_is_found_by_its_spec(world: World) -> None:
    with world.database.write() as session:
        newer = harvests.create(session, SPEC)
        harvests.fail(session, newer.id, "x")

        assert harvests.find_by_digest(session, "unknown", list(HarvestState)) is None
        found = harvests.find_by_digest(session, SPEC.digest, [HarvestState.WAITING])
        assert found is not None
        assert found.id == world.harvest
        newest = harvests.find_by_digest(session, SPEC.digest, list(HarvestState))
        assert newest is not None
        assert newest.id == newer.id


def test_harvests_are_listed_newest_first(world: World) -> None:
    with world.database.write() as session:
        made = [world.harvest, *(harvests.create(session, SPEC).id for _ in range(4))]

        first = harvests.list_harvests(session, after=None, limit=3)
        rest = harvests.list_harvests(session, after=first[-1].id, limit=3)

    assert made[::-1] == [harvest.id for harvest in first + rest]


def test_a_pool_is_stored_once_and_read_back(world: World) -> None:
    with world.database.write() as session:
        pools.store(session, world.harvest, pool())

    with world.database.read() as session:
        loaded = pools.load(session, world.harvest)
        assert loaded is pools.load(session, world.harvest)
    assert loaded.windows.document.tolist() == pool().windows.document.tolist()
    assert loaded.split.tolist() == [0, 1, 2]


def test_what_is_not_there_is_not_found(database: Database) -> None:
    with database.write() as session:
        with pytest.raises(NotFound, match="no model 5"):
            models.get(session, 5)
        with pytest.raises(NotFound, match="no SAE 5"):
            saes.get(session, 5)
        with pytest.raises(NotFound, match="no harvest x"):
            harvests.get(session, "x")
        with pytest.raises(NotFound, match="no harvest x"):
            harvests.add_tokens(session, "x", 5)
        with pytest.raises(NotFound, match="has no pool"):
            pools.load(session, "x")
        with pytest.raises(NotFound, match="no vocabulary x"):
            vocabularies.get(session, "x")
