"""A harvest is made shard by shard, goes on where it was cut off, and starts the runs that waited for it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autointerp.domain.examples import Split
from autointerp.domain.specs import HarvestSpec, SubjectSpec
from autointerp.jobs.records import Leaving
from autointerp.pipeline.harvest import run_shard
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import cancel_harvest, create_harvest, create_run, resume_harvest
from autointerp.storage import examples, features, harvests
from autointerp.storage.records import FeatureFilter, FeatureOrder, HarvestRecord, HarvestState, RunState
from tests.pipeline.world import World, go_on, open_world


@pytest.fixture
async def fresh(upgraded_sqlite: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path) -> AsyncIterator[World]:
    """The stages over an empty database."""
    data_dir = tmp_path / "fresh"
    data_dir.mkdir()
    path = data_dir / "autointerp.db"
    shutil.copyfile(upgraded_sqlite, path)
    async with open_world(f"sqlite:///{path}", folder=folder, data_dir=data_dir, subjects=subjects) as opened:
        yield opened


def stored(world: World, harvest_id: str) -> HarvestRecord:
    with world.desk.database.read() as session:
        return harvests.get(session, harvest_id)


def content(world: World, harvest_id: str) -> list[object]:
    """Every feature with its statistics and examples."""
    with world.desk.database.read() as session:
        rows = features.list_features(
            session, FeatureFilter(harvest_id), order=FeatureOrder.INDEX, after=None, limit=1000
        )
        return [(row.record, examples.load(session, harvest_id, row.id, Split.SCORE)) for row in rows]


async def test_a_harvest_stores_every_feature_and_leaves_no_shards_behind(fresh: World, tmp_path: Path) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)

    await fresh.work()

    record = stored(fresh, made.id)
    assert record.state is HarvestState.FINISHED
    assert record.tokens_done == record.tokens_total
    with fresh.desk.database.read() as session:
        assert features.count_features(session, FeatureFilter(made.id)) == 16
        assert examples.shared_documents(session, made.id) == ()
    assert list((tmp_path / "fresh" / "shards").iterdir()) == []


async def test_a_harvest_that_was_cut_off_ends_with_the_same_content(fresh: World, world: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    with pytest.raises(Leaving):
        await run_shard(fresh.field, made.id, 0, 0, stop=lambda: True)
    cut_off = stored(fresh, made.id)

    await fresh.work()

    with world.desk.database.read() as session:
        (undisturbed,) = harvests.list_harvests(session, after=None, limit=2)
    assert (cut_off.state, cut_off.tokens_done) == (HarvestState.RUNNING, 0)
    assert content(fresh, made.id) == content(world, undisturbed.id)


async def test_a_cancelled_harvest_can_be_resumed(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    cancel_harvest(fresh.desk, made.id)
    await fresh.work()
    while_cancelled = stored(fresh, made.id).state

    resume_harvest(fresh.desk, made.id)
    await fresh.work()

    assert while_cancelled is HarvestState.CANCELLED
    assert stored(fresh, made.id).state is HarvestState.FINISHED


async def test_a_run_that_brings_its_harvest_begins_when_it_is_finished(fresh: World) -> None:
    run = create_run(
        fresh.desk, fresh.spec(explainers=["token_statistics"], scorers=[], llm=None), idempotency_key=None
    )

    await fresh.work()

    assert run.state is RunState.HARVESTING
    assert fresh.run(run.id).state is RunState.COMPLETE


async def test_the_same_spec_is_harvested_once(world: World) -> None:
    again = create_harvest(world.desk, world.harvest)

    assert again.state is HarvestState.FINISHED
    assert world.queue.queued == []


async def test_a_model_that_is_not_there_fails_the_harvest_and_its_run_with_one_sentence(fresh: World) -> None:
    missing = fresh.harvest.model_copy(update={"subject": SubjectSpec(model="/nowhere/model")})
    run = create_run(fresh.desk, fresh.spec(harvest=missing), idempotency_key=None)

    await fresh.work()

    record = stored(fresh, fresh.run(run.id).harvest_id or "")
    assert record.state is HarvestState.FAILED
    assert "/nowhere/model" in (record.error or "")
    assert fresh.run(run.id).state is RunState.FAILED
    assert fresh.run(run.id).error == f"the harvest failed: {record.error}"


async def test_a_shard_that_is_cancelled_has_left_the_device_before_it_ends(fresh: World) -> None:
    longer: HarvestSpec = fresh.harvest.model_copy(update={"shards": 1, "batch": 1})
    made = create_harvest(fresh.desk, longer)
    shard = asyncio.create_task(run_shard(fresh.field, made.id, 0, 0, stop=go_on))
    await asyncio.sleep(0.5)

    shard.cancel()
    await asyncio.gather(shard, return_exceptions=True)

    assert shard.cancelled()
    assert await fresh.field.device.run(lambda halted: "free") == "free"
