"""A harvest is made shard by shard, goes on where it was cut off, and starts the runs that waited for it."""

import asyncio
import json
import math
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from autointerp.api.schemas.harvests import BrokenActivations, Harvest
from autointerp.domain.examples import Split
from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, SubjectSpec
from autointerp.jobs.expansion import expand, waiting_for
from autointerp.jobs.records import Leaving
from autointerp.pipeline.harvest import run_merge, run_shard
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import (
    cancel_harvest,
    cancel_run,
    continue_harvest,
    create_harvest,
    create_run,
    harvest_of,
    pace_of,
    resume_harvest,
)
from autointerp.storage import examples, features, harvests, runs
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


async def test_the_harvest_that_a_run_is_priced_on_is_the_one_that_it_works_on(fresh: World) -> None:
    spec = fresh.spec(controls={"features": 2})

    made = harvest_of(fresh.desk, spec, fresh.harvest)
    await fresh.work()

    assert [sae.baseline and sae.baseline.kind for sae in made.spec.saes] == [None, "random"]
    assert harvest_of(fresh.desk, spec, fresh.harvest).id == made.id
    assert create_run(fresh.desk, spec, idempotency_key=None).harvest_id == made.id


async def test_the_same_spec_again_goes_on_with_a_harvest_that_ended_before_its_time(fresh: World) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    cancel_harvest(fresh.desk, made.id)

    again = continue_harvest(fresh.desk, fresh.harvest)
    await fresh.work()

    assert again.id == made.id
    assert stored(fresh, made.id).state is HarvestState.FINISHED
    assert continue_harvest(fresh.desk, fresh.harvest).id == made.id


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


async def test_a_run_that_is_cancelled_while_its_harvest_ends_stays_cancelled(world: World) -> None:
    with world.desk.database.write() as session:
        (done,) = harvests.list_harvests(session, after=None, limit=2)
        run = runs.create(session, world.spec(), harvest_id=done.id, idempotency_key=None)
        runs.set_state(session, run.id, RunState.HARVESTING)
    found = waiting_for(world.desk.database, done.id)
    cancel_run(world.desk, run.id)

    expand(world.desk.database, world.queue, run.id)

    assert found == (run.id,)
    assert world.run(run.id).state is RunState.CANCELLED
    assert world.queue.queued == []


async def test_shards_of_a_cancelled_harvest_do_not_stand_in_the_way_of_a_later_one(
    fresh: World, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "documents.jsonl"
    lines = (folder / "documents.jsonl").read_text().splitlines()
    path.write_text("\n".join(lines))
    spec = fresh.harvest.model_copy(update={"corpus": CorpusSpec(kind="jsonl", path=str(path), id_field="id")})
    first = create_harvest(fresh.desk, spec)
    await run_shard(fresh.field, first.id, 0, 0, stop=go_on)
    cancel_harvest(fresh.desk, first.id)
    path.write_text("\n".join(lines[9:]))
    subjects = LoadedSubjects(device="cpu", tokens=tmp_path / "tokens", baselines=str(tmp_path / "baselines"))
    fresh.field = replace(fresh.field, subjects=subjects)

    second = create_harvest(fresh.desk, spec)
    await fresh.work()

    assert stored(fresh, second.id).error is None
    assert stored(fresh, second.id).state is HarvestState.FINISHED
    assert [left.name for left in (tmp_path / "fresh" / "shards").iterdir()] == [first.id]


async def test_a_harvest_that_is_cancelled_while_it_is_merged_keeps_its_shards(fresh: World, tmp_path: Path) -> None:
    made = create_harvest(fresh.desk, fresh.harvest)
    for shard in range(fresh.harvest.shards):
        await run_shard(fresh.field, made.id, shard, 0, stop=go_on)

    def cancelling() -> bool:
        cancel_harvest(fresh.desk, made.id)
        return False

    await run_merge(fresh.field, made.id, 0, stop=cancelling)

    assert stored(fresh, made.id).state is HarvestState.CANCELLED
    assert len(list((tmp_path / "fresh" / "shards" / made.id).glob("*.safetensors"))) == fresh.harvest.shards


async def test_a_corpus_of_one_document_has_examples_in_every_split(fresh: World, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    lines = (folder / "documents.jsonl").read_text().splitlines()
    path.write_text(" ".join(json.loads(line)["text"] for line in lines))
    spec = fresh.harvest.model_copy(update={"corpus": CorpusSpec(kind="text", path=str(path))})
    made = create_harvest(fresh.desk, spec)

    await fresh.work()

    with fresh.desk.database.read() as session:
        (row, *_) = features.list_features(
            session, FeatureFilter(made.id), order=FeatureOrder.DENSITY, after=None, limit=1
        )
        shown = [len(examples.load(session, made.id, row.id, split)) for split in Split]
        assert examples.shared_documents(session, made.id) == ()
    assert all(shown)


@pytest.mark.parametrize(("share", "error"), [(1e-4, "none of the corpus's"), (0.0, None)])
async def test_a_split_that_would_stay_empty_is_refused_unless_it_is_to_be_empty(
    fresh: World, share: float, error: str | None
) -> None:
    shares = {Split.EXPLAIN: 0.5, Split.VALIDATION: share, Split.SCORE: 0.5 - share}
    made = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"shares": shares}))

    await fresh.work()

    record = stored(fresh, made.id)
    if error is None:
        assert record.state is HarvestState.FINISHED
    else:
        assert record.state is HarvestState.FAILED
        assert (record.error or "").startswith(error)
        assert "the validation split" in (record.error or "")


@pytest.mark.parametrize(("tokens", "more"), [(20, "tokens"), (100_000, "text")])
async def test_a_split_that_stays_empty_says_when_rows_count_as_documents(fresh: World, tokens: int, more: str) -> None:
    corpus = fresh.harvest.corpus.model_copy(update={"documents": 1})
    made = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"corpus": corpus, "tokens": tokens}))

    await fresh.work()

    error = stored(fresh, made.id).error or ""
    assert "rows (1 in all; where documents are few each row counts as one) fell into the" in error
    assert f"give more {more}, another seed, or the split a share of 0" in error


async def test_one_sae_under_two_names_is_refused(fresh: World, folder: Path) -> None:
    twice = (SaeSpec(path=str(folder / "sae")), SaeSpec(path=f"{folder / 'sae'}/"))
    made = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"saes": twice}))

    await fresh.work()

    assert stored(fresh, made.id).error == "two of the harvest's saes are the same SAE; name each one once"


async def test_activations_that_are_no_numbers_are_named_and_harm_no_others(
    fresh: World, world: World, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = load_file(folder / "sae" / "sae_weights.safetensors")
    # Finite, but where feature 1 fires its activation overflows.
    weights["W_enc"][:, 1] *= 3e38
    weights["W_dec"][1] *= 10
    shutil.copytree(folder / "sae", tmp_path / "sae")
    save_file(weights, tmp_path / "sae" / "sae_weights.safetensors")
    made = create_harvest(fresh.desk, fresh.harvest.model_copy(update={"saes": (SaeSpec(path=str(tmp_path / "sae")),)}))

    await fresh.work()

    record = stored(fresh, made.id)
    assert (record.state, record.error) == (HarvestState.FINISHED, None)
    (broken,) = record.broken or ()
    assert broken.count >= len(broken.contexts) == 10
    assert f"at {broken.hook} were NaN or infinite, first in contexts {broken.contexts[0]}, " in caplog.text
    assert Harvest.of(record, pace_of(fresh.desk, record)).broken == [BrokenActivations.of(broken)]
    with world.desk.database.read() as session:
        (undisturbed,) = harvests.list_harvests(session, after=None, limit=2)
    assert undisturbed.broken == ()
    found, wanted = measured(fresh, made.id), measured(world, undisturbed.id)
    firings, mean, largest = found.pop(1)
    assert firings < wanted.pop(1)[0]
    assert math.isfinite(mean)
    assert math.isfinite(largest)
    # The decoder's norms, which are one but for the last bits, are multiplied with now.
    assert found == {index: pytest.approx(values, rel=1e-6) for index, values in wanted.items()}


def measured(world: World, harvest_id: str) -> dict[int, tuple[int, float, float]]:
    """Firings, mean and maximum of every feature."""
    with world.desk.database.read() as session:
        rows = features.list_features(
            session, FeatureFilter(harvest_id), order=FeatureOrder.INDEX, after=None, limit=1000
        )
    every = [(row.record.index, row.record.statistics) for row in rows]
    return {index: (one.firings, one.mean, one.max) for index, one in every}
