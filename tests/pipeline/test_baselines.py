"""A baseline goes through the same stages as an SAE: fitted once, harvested, explained and scored."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autointerp.domain.specs import BASELINES, Baseline, HarvestSpec
from autointerp.errors import InvalidInput
from autointerp.harvest.location import names_in, open_location, write_whole
from autointerp.pipeline.baselines import CHOSEN
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.storage import features, harvests, saes
from autointerp.storage.records import FeatureFilter, FeatureOrder, FeatureRow, HarvestState, RunState, SaeRecord
from tests.pipeline.world import World, open_world, planted_harvest


@pytest.fixture
async def fresh(upgraded_sqlite: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path) -> AsyncIterator[World]:
    """The stages over an empty database."""
    path = tmp_path / "autointerp.db"
    shutil.copyfile(upgraded_sqlite, path)
    async with open_world(f"sqlite:///{path}", folder=folder, data_dir=tmp_path, subjects=subjects) as opened:
        yield opened


def harvest_of(folder: Path, *baselines: Baseline, hook: str = "model.layers.0", k: int = 4) -> HarvestSpec:
    spec = planted_harvest(folder, tokens=6_000)
    found = [{"baseline": {"kind": kind, "k": k, "tokens": 4_000}, "hook": hook} for kind in baselines]
    return HarvestSpec.model_validate({**spec.model_dump(), "saes": found})


def found_in(world: World, harvest_id: str) -> tuple[list[SaeRecord], list[FeatureRow]]:
    """The SAEs of a harvest, and its features."""
    with world.desk.database.read() as session:
        record = harvests.get(session, harvest_id)
        assert (HarvestState.FINISHED, None) == (record.state, record.error)
        rows = features.list_features(
            session, FeatureFilter(harvest_id), order=FeatureOrder.INDEX, after=None, limit=1000
        )
        return [saes.get(session, sae) for sae in record.sae_ids], list(rows)


async def test_a_run_on_a_baseline_is_one_request(fresh: World, folder: Path) -> None:
    spec = fresh.spec(harvest=harvest_of(folder, "pca"), features={"sample": 3, "min_firings": 50})

    record = await fresh.carry_out(spec)

    progress = fresh.progress(record.id)
    assert (RunState.COMPLETE, 3, 3) == (record.state, progress.done, progress.scores)
    (sae,), rows = found_in(fresh, str(record.harvest_id))
    assert ("pca", "pca of model.layers.0", sae.features) == (sae.kind, sae.name, len(rows))
    assert sae.source["baseline"]["kind"] == "pca"


async def test_all_baselines_are_harvested_beside_each_other(fresh: World, folder: Path) -> None:
    spec = fresh.spec(harvest=harvest_of(folder, *BASELINES), features={"sample": 1})

    record = await fresh.carry_out(spec)

    found, rows = found_in(fresh, str(record.harvest_id))
    assert list(BASELINES) == [sae.kind for sae in found]
    for sae in found:
        own = [row.record.statistics for row in rows if row.sae_id == sae.id]
        # At most four of them fire at a token.
        assert 0 < sum(one.firings for one in own) <= 4 * own[0].tokens


async def test_features_inside_attention_promote_what_they_write_to_the_residual_stream(
    fresh: World, folder: Path
) -> None:
    spec = fresh.spec(harvest=harvest_of(folder, "neurons", hook="blocks.0.attn.hook_z"), features={"sample": 1})

    record = await fresh.carry_out(spec)

    _, rows = found_in(fresh, str(record.harvest_id))
    assert any(row.record.statistics.promoted for row in rows)


@pytest.mark.parametrize("scheme", ["", "memory://"])
def test_a_baseline_is_fitted_once_and_then_kept(scheme: str, folder: Path, tmp_path: Path) -> None:
    url = f"{scheme}{tmp_path / 'shared'}"
    shelf = open_location(url)

    def loaded(machine: str) -> str:
        subjects = LoadedSubjects(device="cpu", tokens=tmp_path / machine, baselines=url)
        return subjects.subject(spec).dictionaries[0].fingerprint

    spec = harvest_of(folder, "ica")
    first = loaded("one")
    (kept,) = names_in(shelf)
    # Marked, so that it shows when it is fitted again.
    config_path = shelf / kept / (shelf / kept / CHOSEN).read_bytes().decode() / "cfg.json"
    config = json.loads(config_path.read_bytes())
    write_whole(config_path, json.dumps({**config, "k": 3}).encode())

    again, third = loaded("two"), loaded("one")

    assert {kept} == names_in(shelf)
    assert first != again
    assert again == third


def test_a_baseline_is_fitted_again_when_the_corpus_changed_under_its_name(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    lines = (folder / "documents.jsonl").read_text().splitlines()
    path.write_text("\n".join(lines))
    spec = harvest_of(folder, "pca")
    spec = spec.model_copy(update={"corpus": spec.corpus.model_copy(update={"path": str(path)})})
    subjects = LoadedSubjects(device="cpu", tokens=tmp_path / "tokens", baselines=str(tmp_path / "shared"))
    first = subjects.subject(spec).dictionaries[0].fingerprint

    path.write_text("\n".join(lines[40:]))

    assert subjects.subject(spec).dictionaries[0].fingerprint != first
    path.write_text("\n".join(lines))
    assert subjects.subject(spec).dictionaries[0].fingerprint == first


def test_a_baseline_that_was_left_half_written_is_fitted_again(folder: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shared"
    spec = harvest_of(folder, "pca")

    def loaded() -> str:
        subjects = LoadedSubjects(device="cpu", tokens=tmp_path / "tokens", baselines=str(shelf))
        return subjects.subject(spec).dictionaries[0].fingerprint

    first = loaded()
    (chosen,) = shelf.glob(f"*/{CHOSEN}")
    (weights,) = shelf.glob("*/*/sae_weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    chosen.unlink()

    assert loaded() == first


def test_subjects_without_baselines_need_no_driver_for_where_these_are_kept(folder: Path, tmp_path: Path) -> None:
    subjects = LoadedSubjects(device="cpu", tokens=tmp_path, baselines="nowhere://bucket/baselines")

    assert subjects.subject(planted_harvest(folder)).dictionaries
    with pytest.raises(InvalidInput, match="nowhere://"):
        subjects.subject(harvest_of(folder, "random"))


async def test_a_baseline_lies_where_the_sae_of_its_hook_does(fresh: World, folder: Path) -> None:
    spec = planted_harvest(folder, tokens=6_000)
    beside = [{"baseline": {"kind": kind, "tokens": 4_000}, "hook": "sae:0"} for kind in ("random", "neurons")]
    harvest = HarvestSpec.model_validate({**spec.model_dump(), "saes": [*spec.model_dump()["saes"], *beside]})

    record = await fresh.carry_out(fresh.spec(harvest=harvest, features={"sample": 1}))

    found, _ = found_in(fresh, str(record.harvest_id))
    assert [found[0].kind, "random", "neurons"] == [sae.kind for sae in found]
    assert {found[0].hook} == {sae.hook for sae in found}
