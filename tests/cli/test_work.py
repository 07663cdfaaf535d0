"""A run is carried out from the command line on the bundled model, and goes on where it stopped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autointerp import demo
from autointerp.cli import app

SPEC = f"""
explainers = ["token_statistics"]
scorers = [{{ name = "detection", judge = "lexical" }}]
[features]
sample = 2
min_firings = 75
[harvest]
subject = {{ model = "{demo.MODEL}" }}
saes = [{{ path = "{demo.SAE_TOPK}" }}]
corpus = {{ kind = "stdlib" }}
tokens = 8192
"""


@pytest.mark.e2e
def test_a_spec_file_is_carried_out_handed_in_first_and_then_done(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(SPEC)
    command = ["run", str(tmp_path / "spec.toml"), "--json"]
    environment = {"AUTOINTERP_DATA_DIR": str(tmp_path), "AUTOINTERP_WORKER__POLLING": "0.05"}

    handed_in = CliRunner().invoke(app, [*command, "--no-wait"], env=environment)
    done = subprocess.run(
        [sys.executable, "-m", "autointerp.cli", *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert handed_in.exit_code == 0, handed_in.stderr
    assert json.loads(handed_in.stdout)["state"] == "harvesting"
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["id"] == json.loads(handed_in.stdout)["id"]
    assert (found["state"], found["progress"]["done"], found["progress"]["scores"]) == ("complete", 2, 2)
    assert all(result["explanations"][0]["scores"][0]["asked"] > 0 for result in found["results"])
    assert found["controls"]["sample"] == 2
    assert {line["control"] for line in found["controls"]["items"]} > {"always_yes", "always_no"}
    assert "Traceback" not in done.stderr
