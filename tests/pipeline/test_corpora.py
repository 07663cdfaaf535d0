"""What a harvest does about the corpus it reads: its end, a change of its files, and the token ids that are kept."""

import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autointerp.domain.specs import CorpusSpec, HarvestSpec
from autointerp.pipeline.harvest import run_shard
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import create_harvest
from autointerp.storage import harvests
from autointerp.storage.records import HarvestRecord, HarvestState
from tests.pipeline.world import World, go_on, open_world


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the token ids of corpora are kept."""
    return tmp_path / "tokens"


@pytest.fixture
async def fresh(upgraded_sqlite: Path, folder: Path, kept: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The stages over an empty database."""
    shutil.copyfile(upgraded_sqlite, tmp_path / "autointerp.db")
    subjects = LoadedSubjects(device="cpu", tokens=kept, baselines=str(tmp_path / "baselines"))
    url = f"sqlite:///{tmp_path / 'autointerp.db'}"
    async with open_world(url, folder=folder, data_dir=tmp_path, subjects=subjects) as opened:
        yield opened


@pytest.fixture
def documents(folder: Path, tmp_path: Path) -> Path:
    """The planted texts in a file that may be changed."""
    path = tmp_path / "documents.jsonl"
    shutil.copyfile(folder / "documents.jsonl", path)
    return path


@pytest.fixture
def spec(fresh: World, documents: Path) -> HarvestSpec:
    corpus = CorpusSpec(kind="jsonl", path=str(documents), id_field="id")
    return fresh.harvest.model_copy(update={"corpus": corpus, "shards": 3, "tokens": 2_000})


def stored(world: World, harvest_id: str) -> HarvestRecord:
    with world.desk.database.read() as session:
        return harvests.get(session, harvest_id)


def written(folder: Path) -> dict[Path, int]:
    """Every piece of token ids, with the time at which it was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}


def shorten(path: Path) -> None:
    lines = path.read_text().splitlines()
    time.sleep(0.02)  # the clock of a file system is coarse
    path.write_text("\n".join(lines[9:]))


async def test_a_corpus_that_ends_before_the_budget_is_read_to_its_end(fresh: World, spec: HarvestSpec) -> None:
    made = create_harvest(fresh.desk, spec.model_copy(update={"tokens": 1_000_000}))

    await fresh.work()

    record = stored(fresh, made.id)
    assert record.state is HarvestState.FINISHED
    assert 2_000 < record.tokens_done < 100_000
    assert record.tokens_done == record.tokens_total


async def test_a_worker_that_lives_on_sees_that_a_file_changed(
    fresh: World, spec: HarvestSpec, documents: Path
) -> None:
    first = create_harvest(fresh.desk, spec)
    await fresh.work()
    again = create_harvest(fresh.desk, spec)
    shorten(documents)

    other = create_harvest(fresh.desk, spec)
    await fresh.work()

    assert first.id == again.id != other.id
    assert stored(fresh, other.id).state is HarvestState.FINISHED
    assert stored(fresh, first.id).corpus_fingerprint != stored(fresh, other.id).corpus_fingerprint


async def test_a_file_that_changes_between_two_shards_fails_the_harvest(
    fresh: World, spec: HarvestSpec, documents: Path
) -> None:
    made = create_harvest(fresh.desk, spec)
    await run_shard(fresh.field, made.id, 0, 0, stop=go_on)
    shorten(documents)

    await run_shard(fresh.field, made.id, 1, 0, stop=go_on)

    record = stored(fresh, made.id)
    assert record.state is HarvestState.FAILED
    assert "the corpus on " in (record.error or "")


async def test_another_shard_in_another_process_tokenises_nothing_again(
    fresh: World, spec: HarvestSpec, kept: Path, tmp_path: Path
) -> None:
    made = create_harvest(fresh.desk, spec)
    await run_shard(fresh.field, made.id, 0, 0, stop=go_on)
    pieces = written(kept)
    subjects = LoadedSubjects(device="cpu", tokens=kept, baselines=str(tmp_path / "baselines"))

    corpus = subjects.corpus(spec)

    assert pieces
    assert corpus.known_tokens == 2_000
    assert corpus.fingerprint == stored(fresh, made.id).corpus_fingerprint
    assert corpus.rows
    assert pieces == written(kept)
