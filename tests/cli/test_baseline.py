"""A baseline is fitted and saved by one command, and stands in for an SAE in a harvest and in a run."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autointerp import demo
from autointerp.cli import app
from autointerp.domain.specs import SaeSpec
from tests.cli.conftest import Run

FIT = ("--model", str(demo.MODEL), "--hook", demo.HOOK, "--corpus", "stdlib", "--tokens", "2000", "--context", "128")
SPEC = f"""
explainers = ["token_statistics"]
scorers = [{{ name = "detection", judge = "lexical" }}]
[features]
sample = 2
min_firings = 75
[harvest]
subject = {{ model = "{demo.MODEL}" }}
saes = [{{ baseline = {{ kind = "pca", tokens = 2000 }}, hook = "{demo.HOOK}" }}]
corpus = {{ kind = "stdlib" }}
tokens = 8192
"""


def test_a_baseline_is_saved_as_an_sae(run: Run, tmp_path: Path) -> None:
    from autointerp.subject.sae_files import read_sae

    done = run("baseline", "random", *FIT, "--k", "5", "--directions", "30", "--out", str(tmp_path / "random"))

    assert (done.exit_code, done.stdout.split(":")[1].split()[:2]) == (0, ["60", "features"])
    sae = read_sae(SaeSpec(path=str(tmp_path / "random")), device="cpu")
    assert (60, 5, "random", demo.HOOK) == (
        sae.cfg.d_sae,
        sae.cfg.k,
        sae.cfg.metadata.kind,
        sae.cfg.metadata.hf_hook_name,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("baseline", "pca", *FIT, "--out", "."), "is there already"),
        (("baseline", "neurons", *FIT, "--directions", "4", "--out", "new"), "leave directions out"),
        (("baseline", "pca", *FIT, "--hook", "nowhere", "--out", "new"), "there is no hook point 'nowhere'"),
        (("harvest", "--model", "m", "--corpus", "stdlib", "--baseline", "pca"), "write KIND:HOOK"),
        (("harvest", "--model", "m", "--corpus", "stdlib", "--baseline", "nmf:h"), "'neurons', 'pca', 'ica'"),
        (("harvest", "--model", "m", "--corpus", "stdlib", "--baseline", "pca:"), "names no hook point"),
        (("harvest", "--model", "m", "--corpus", "stdlib"), "--sae or --baseline"),
        (("harvest", "spec.toml", "--baseline", "pca:h"), "either a spec file or"),
    ],
)
def test_what_cannot_be_meant_is_refused(run: Run, arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)

    assert done.exit_code == 1
    assert says in done.stderr


@pytest.mark.e2e
def test_a_run_on_a_baseline_is_one_command(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(SPEC)
    environment = {"AUTOINTERP_DATA_DIR": str(tmp_path), "AUTOINTERP_WORKER__POLLING": "0.05"}

    done = CliRunner().invoke(app, ["run", str(tmp_path / "spec.toml"), "--json"], env=environment)

    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["state"], found["progress"]["done"], found["progress"]["scores"]) == ("complete", 2, 2)
