"""Shards that are lost, damaged or foreign, and workers that die between two steps, cost time and nothing else."""

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from autointerp.domain.examples import Split
from autointerp.domain.specs import CorpusSpec
from autointerp.harvest.location import Location, open_location, write_whole
from autointerp.harvest.shard import manifest_path, shard_path
from autointerp.pipeline import leftovers
from autointerp.pipeline.harvest import run_merge, run_shard
from autointerp.pipeline.shards import Note, ShardStore
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import cancel_harvest, create_harvest, create_run, resume_harvest
from autointerp.storage import examples, features, harvests
from autointerp.storage.records import FeatureFilter, FeatureOrder, HarvestRecord, HarvestState, RunState
from tests.pipeline.world import World, go_on, open_world


class Rotten(MemoryFileSystem):
    """An object store that spoils every shard it takes."""

    protocol = "rotten"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        spoiled = value[:-1] + b"?" if path.endswith(".safetensors") else value
        super().pipe_file(path, spoiled, mode=mode, **kwargs)


class Locked(MemoryFileSystem):
    """An object store that nobody may write to, whose driver has an exception of its own."""

    protocol = "locked"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        raise LookupError("no credentials")


@pytest.fixture(autouse=True)
def stores() -> Generator[None]:
    for system in (Rotten, Locked):
        fsspec.register_implementation(system.protocol, system, clobber=True)
    yield
    for system in (MemoryFileSystem, Rotten, Locked):
        system.store.clear()
        system.pseudo_dirs[:] = [""]


@pytest.fixture
async def fresh(upgraded_sqlite: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path) -> AsyncIterator[World]:
    """The stages over an empty database."""
    path = tmp_path / "fresh.db"
    shutil.copyfile(upgraded_sqlite, path)
    async with open_world(f"sqlite:///{path}", folder=folder, data_dir=tmp_path, subjects=subjects) as opened:
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
        return [(row.record, [examples.load(session, harvest_id, row.id, split) for split in Split]) for row in rows]


def undisturbed(world: World) -> list[object]:
    """What a harvest that nothing happened to has stored."""
    with world.desk.database.read() as session:
        (record,) = harvests.list_harvests(session, after=None, limit=2)
    return content(world, record.id)


def merges(world: World) -> list[str]:
    return [name for name in world.queue.jobs if name.endswith("/merge")]


async def every_shard(world: World, harvest_id: str) -> None:
    for shard in range(world.harvest.shards):
        await run_shard(world.field, harvest_id, shard, 0, stop=go_on)


def keep_shards_at(world: World, url: str) -> ShardStore:
    world.field = dataclasses.replace(world.field, shards=ShardStore(open_location(url)))
    return world.field.shards


def spoil(path: Location, how: str) -> None:
    match how:
        case "bytes flipped":
            write_whole(path, path.read_bytes()[:-1] + b"?")
        case "cut short":
            write_whole(path, path.read_bytes()[:100])
        case "no data":
            path.unlink()
        case "no manifest":
            manifest_path(path).unlink()
        case "half a manifest":
            write_whole(manifest_path(path), manifest_path(path).read_bytes()[:40])


@pytest.mark.parametrize("url", ["memory://bucket/shards", "file://{folder}/elsewhere"])
async def test_shards_at_a_url_give_the_same_harvest_and_are_deleted(
    fresh: World, world: World, tmp_path: Path, url: str
) -> None:
    shards = keep_shards_at(fresh, url.format(folder=tmp_path))
    made = create_harvest(fresh.desk, fresh.harvest)
    await every_shard(fresh, made.id)
    kept = shards.harvests()

    await fresh.work()

    assert kept == (made.id,)
    assert stored(fresh, made.id).state is HarvestState.FINISHED
    assert content(fresh, made.id) == undisturbed(world)
    assert shards.harvests() == ()


@pytest.mark.parametrize("how", ["bytes flipped", "cut short", "no data", "no manifest", "half a manifest"])
@pytest.mark.parametrize("url", ["memory://bucket/shards", "{folder}/shards"])
async def test_a_damaged_shard_is_found_when_shards_are_merged_and_only_that_one_is_made_again(
    fresh: World, world: World, tmp_path: Path, url: str, how: str
) -> None:
    shards = keep_shards_at(fresh, url.format(folder=tmp_path))
    made = create_harvest(fresh.desk, fresh.harvest)
    await every_shard(fresh, made.id)
    spoil(shard_path(shards.folder(made.id).path, 1, fresh.harvest.shards), how)

    await run_merge(fresh.field, made.id, 0, stop=go_on)
    again = [name for name in fresh.queue.jobs if name.startswith(f"harvest/{made.id}/1/")]
    fresh.queue.cancel([name for name in fresh.queue.queued if "/0/" in name])
    await fresh.work()

    assert again == [f"harvest/{made.id}/1/1"]
    assert stored(fresh, made.id).state is HarvestState.FINISHED
    assert content(fresh, made.id) == undisturbed(world)


async def test_a_disk_that_spoils_every_shard_ends_the_harvest_with_one_sentence(fresh: World) -> None:
    keep_shards_at(fresh, "rotten://bucket")
    made = create_harvest(fresh.desk, fresh.harvest)

    await fresh.work()

    assert stored(fresh, made.id).state is HarvestState.FAILED
    assert "does not match its digest" in (stored(fresh, made.id).error or "")
    assert "check the disk" in (stored(fresh, made.id).error or "")


async def test_a_place_that_takes_nothing_ends_the_harvest_with_one_sentence(fresh: World) -> None:
    keep_shards_at(fresh, "locked://bucket")
    made = create_harvest(fresh.desk, fresh.harvest)

    await fresh.work()

    assert stored(fresh, made.id).state is HarvestState.FAILED
    assert "cannot write in locked://bucket" in (stored(fresh, made.id).error or "")
    assert "no credentials" in (stored(fresh, made.id).error or "")


async def test_a_shard_of_another_spec_is_refused_by_the_merging(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    other = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"seed": 1}))
    for harvest in (made, other):
        await every_shard(fresh, harvest.id)
    mine, theirs = (
        shard_path(fresh.field.shards.folder(harvest.id).path, 1, fresh.harvest.shards) for harvest in (made, other)
    )
    for find in (lambda path: path, manifest_path):
        write_whole(find(mine), find(theirs).read_bytes())

    await run_merge(fresh.field, made.id, 0, stop=go_on)

    assert stored(fresh, made.id).state is HarvestState.FAILED
    assert "is not a shard of this harvest" in (stored(fresh, made.id).error or "")


async def test_workers_that_finish_the_last_shards_at_the_same_moment_queue_one_merging(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)

    await asyncio.gather(*(run_shard(fresh.field, made.id, shard, 0, stop=go_on) for shard in (0, 1)))
    await run_shard(fresh.field, made.id, 1, 0, stop=go_on)

    assert merges(fresh) == [f"harvest/{made.id}/0/merge"]


async def test_a_worker_that_died_before_it_could_queue_the_merging_is_made_up_for(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    await every_shard(fresh, made.id)
    fresh.queue.purge(merges(fresh)[0])

    await run_shard(fresh.field, made.id, 1, 0, stop=go_on)

    assert merges(fresh) == [f"harvest/{made.id}/0/merge"]


async def test_the_tokens_that_a_dead_worker_counted_are_not_counted_twice(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    fresh.field.shards.folder(made.id).write("shard-0", Note(attempts=1, counted=3_000, generation=0))
    with fresh.desk.database.write() as session:
        harvests.add_tokens(session, made.id, 3_000)

    await every_shard(fresh, made.id)

    record = stored(fresh, made.id)
    assert record.tokens_done == record.tokens_total


async def test_a_harvest_can_be_cancelled_and_resumed_more_often_than_work_is_tried(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    for generation in range(5):
        await run_shard(fresh.field, made.id, 0, generation, stop=go_on)
        cancel_harvest(fresh.desk, made.id)
        resume_harvest(fresh.desk, made.id)

    await fresh.work()

    assert stored(fresh, made.id).state is HarvestState.FINISHED


async def test_a_job_of_before_a_resume_cannot_fail_the_resumed_harvest(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    cancel_harvest(fresh.desk, made.id)
    resume_harvest(fresh.desk, made.id)
    working = fresh.field.shards
    keep_shards_at(fresh, "locked://bucket")

    await run_shard(fresh.field, made.id, 0, 0, stop=go_on)
    meanwhile = stored(fresh, made.id).state
    fresh.field = dataclasses.replace(fresh.field, shards=working)
    await fresh.work()

    assert meanwhile is HarvestState.RUNNING
    assert stored(fresh, made.id).state is HarvestState.FINISHED


async def test_a_run_that_waits_for_a_failed_harvest_is_failed_by_whoever_finds_it(fresh: World) -> None:
    run = create_run(fresh.desk, fresh.spec(), idempotency_key=None)
    with fresh.desk.database.write() as session:
        harvests.fail(session, run.harvest_id or "", "the disk is full")

    await run_shard(fresh.field, run.harvest_id or "", 0, 0, stop=go_on)

    assert fresh.run(run.id).state is RunState.FAILED
    assert fresh.run(run.id).error == "the harvest failed: the disk is full"


async def test_a_host_with_another_corpus_is_told_apart(fresh: World, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    lines = (folder / "documents.jsonl").read_text().splitlines()
    path.write_text("\n".join(lines))
    corpus = CorpusSpec(kind="jsonl", path=str(path), id_field="id")
    made = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"corpus": corpus}))
    await run_shard(fresh.field, made.id, 0, 0, stop=go_on)
    path.write_text("\n".join(lines[9:]))

    await run_shard(fresh.field, made.id, 1, 0, stop=go_on)

    assert stored(fresh, made.id).state is HarvestState.FAILED
    assert "is not what other workers of this harvest read" in (stored(fresh, made.id).error or "")


async def test_the_shards_of_harvests_that_ended_long_ago_are_swept_and_foreign_folders_are_not(fresh: World) -> None:
    kept = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"seed": 1}))
    ended = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"seed": 2}))
    for harvest_id in (kept.id, ended.id, "of-another-installation"):
        fresh.field.shards.folder(harvest_id).write("shard-0", Note())
    cancel_harvest(fresh.desk, ended.id)

    leftovers.sweep(fresh.desk.database, fresh.field.shards, datetime.now(UTC))
    soon = fresh.field.shards.harvests()
    leftovers.sweep(fresh.desk.database, fresh.field.shards, datetime.now(UTC) + leftovers.KEPT + timedelta(days=1))

    assert ended.id in soon
    assert set(fresh.field.shards.harvests()) == {kept.id, "of-another-installation"}
