"""What cannot be done ends in one sentence and a non-zero exit, by the public command, and nothing stored is lost."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from autointerp.cli import app
from autointerp.demo import SAE_TOPK
from autointerp.subject.planted import planted

pytestmark = pytest.mark.e2e

Harvest = Callable[..., Result]


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted subject on disk."""
    folder = tmp_path_factory.mktemp("planted")
    planted().save(folder)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An installation of its own."""
    url = f"sqlite:///{tmp_path / 'autointerp.db'}?timeout=1"
    return {"AUTOINTERP_DATA_DIR": str(tmp_path / "data"), "AUTOINTERP_DATABASE_URL": url, "COLUMNS": "400"}


@pytest.fixture
def harvest(subject: Path, tmp_path: Path, environment: dict[str, str]) -> Harvest:
    """Runs a small harvest of the planted subject, with one thing changed."""

    def invoke(
        model: Path = subject / "model",
        sae: Path = subject / "sae",
        corpus: Path = subject / "documents.jsonl",
        hook: str | None = None,
        context: int = 64,
    ) -> Result:
        hooked = f', hook = "{hook}"' if hook else ""
        spec = tmp_path / "spec.toml"
        spec.write_text(
            f'subject = {{ model = "{model}" }}\nsaes = [{{ path = "{sae}"{hooked} }}]\n'
            f'corpus = {{ kind = "jsonl", path = "{corpus}" }}\ntokens = 4000\ncontext = {context}\n'
        )
        return CliRunner().invoke(app, ["harvest", str(spec), "--json"], env=environment)

    return invoke


def refused(done: Result, *says: str) -> None:
    """One sentence on stderr that says all of `says`, exit code 1, no traceback."""
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    for part in says:
        assert part in done.stderr, done.stderr


def test_a_missing_model_says_where_it_was_looked_for(harvest: Harvest, tmp_path: Path) -> None:
    refused(harvest(model=tmp_path / "nothing"), f"no model folder {tmp_path}/nothing")


def test_a_missing_sae_says_where_it_was_looked_for(harvest: Harvest, tmp_path: Path) -> None:
    refused(harvest(sae=tmp_path / "nothing"), f"{tmp_path}/nothing")


def test_an_sae_of_another_width_says_both_widths(harvest: Harvest) -> None:
    refused(harvest(sae=SAE_TOPK, hook="model.layers.0"), "128", "model.layers.0")


def test_an_unknown_hook_point_says_which_exist(harvest: Harvest) -> None:
    refused(
        harvest(hook="model.layers.77"),
        "model.layers.77",
        "the nearest are model.layers.N",
        "from 0 to 1",
    )


def test_an_empty_corpus_says_so(harvest: Harvest, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")

    refused(harvest(corpus=tmp_path / "empty.jsonl"), "empty.jsonl", "no text")


def test_a_context_beyond_the_models_says_the_limit(harvest: Harvest) -> None:
    refused(harvest(context=4000), "4000", "128")


def test_weights_that_are_not_finite_say_which(harvest: Harvest, subject: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(subject / "model", tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name].clone()
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})

    refused(harvest(model=broken), "NaN", name)


def test_a_feature_index_out_of_range_says_the_range(harvest: Harvest, environment: dict[str, str]) -> None:
    done = harvest()
    assert done.exit_code == 0, done.output
    chosen = ["explain", "--features", "4096", "--explainer", "token_statistics"]

    refused(CliRunner().invoke(app, chosen, env=environment), "feature 4096 does not exist", "0 to 15")


def test_a_locked_database_is_told_and_loses_nothing(harvest: Harvest, environment: dict[str, str]) -> None:
    first = json.loads(harvest().stdout)
    path = environment["AUTOINTERP_DATABASE_URL"].removeprefix("sqlite:///").partition("?")[0]
    wanted = ["explain", "--features", "0-3", "--explainer", "token_statistics"]
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        refused(CliRunner().invoke(app, wanted, env=environment), "locked")
    finally:
        holder.close()

    done = CliRunner().invoke(app, [*wanted, "--json"], env=environment)

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["harvest_id"] == first["id"]
