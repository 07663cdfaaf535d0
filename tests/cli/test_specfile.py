"""Specs are read from TOML; paths in them may be relative to the file."""

from pathlib import Path

import pytest

from autointerp import demo as bundled
from autointerp.cli.demo import spec as demo_spec
from autointerp.cli.specfile import read_harvest, read_run
from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidSpec

CONTENT = """
explainers = ["token_statistics"]
[harvest]
subject = { model = "./model" }
saes = [{ path = "../sae" }, { path = "/srv/sae" }, { release = "./not/a/path", sae_id = "x" }]
corpus = { kind = "jsonl", path = "corpus.jsonl" }
"""


def test_a_path_that_starts_with_a_dot_is_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "spec.toml"
    path.parent.mkdir()
    path.write_text(CONTENT)

    harvest = read_harvest(path)

    assert harvest.subject.model == str(tmp_path / "folder" / "model")
    assert [sae.path for sae in harvest.saes] == [str(tmp_path / "sae"), "/srv/sae", None]
    assert harvest.saes[2].release == "./not/a/path"
    assert harvest.corpus.path == "corpus.jsonl"


def test_a_harvest_is_read_from_a_run_or_on_its_own(tmp_path: Path) -> None:
    inside, alone = tmp_path / "run.toml", tmp_path / "harvest.toml"
    inside.write_text(CONTENT)
    alone.write_text(CONTENT.partition("[harvest]\n")[2])

    assert read_harvest(inside) == read_harvest(alone) == read_run(inside).harvest


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "harvest.toml"
    path.write_text(
        'tokens = -1\ncontxt = 3\nsubject = { model = "m" }\nsaes = [{ path = "" }]\ncorpus = { kind = "jsonl" }\n'
    )

    with pytest.raises(InvalidSpec) as caught:
        read_harvest(path)

    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert ["saes.0.path", "corpus", "tokens", "contxt"] == [
        one.split(": ")[0] for one in said[len(f"{path}: ") :].split("; ")
    ]


def test_the_demo_names_the_bundled_model_and_both_saes() -> None:
    chosen = demo_spec(llm=None, features=None)

    assert isinstance(chosen.harvest, HarvestSpec)
    assert Path(chosen.harvest.subject.model) == bundled.MODEL
    assert [Path(sae.path or "") for sae in chosen.harvest.saes] == list(bundled.SAES)
    assert chosen.llm is None


def test_the_demo_with_an_llm_explains_and_judges_with_it() -> None:
    chosen = demo_spec(llm="fake/honest", features=3)

    assert [explainer.name for explainer in chosen.explainers] == ["default"]
    assert {scorer.judge.name for scorer in chosen.scorers} == {"llm"}
    assert (chosen.llm, chosen.features.sample) == ("fake/honest", 3)
