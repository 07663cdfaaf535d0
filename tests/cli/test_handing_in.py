"""A run that is handed in and left to workers says where to look for it, and shows no table of nothing."""

import json
from pathlib import Path

import pytest

from tests.api.seed import Seeded
from tests.cli.conftest import Run

SPEC = """
harvest = "HARVEST"
llm = "fake/honest"
explainers = [{ name = "default", options = { least = 1 } }]
scorers = [{ name = "detection", judge = "lexical" }]
seed = 7
[features]
indices = [8, 9]
"""


@pytest.fixture
def spec(seeded: Seeded, tmp_path: Path) -> Path:
    """A run that costs nothing."""
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.replace("HARVEST", seeded.harvest))
    return path


def test_a_run_that_is_left_to_workers_is_named_with_how_to_follow_it(run: Run, spec: Path) -> None:
    handed_in = run("run", str(spec), "--no-wait")
    again = json.loads(run("run", str(spec), "--no-wait", "--json").stdout)

    assert handed_in.exit_code == 0, handed_in.stderr
    assert handed_in.stdout == f"run {again['id']} running: left to workers (`autointerp worker`)\n"
    assert f"autointerp runs show {again['id']}" in handed_in.stderr
    assert f"autointerp run --resume {again['id']}" in handed_in.stderr


def test_a_run_that_has_found_nothing_yet_is_shown_without_tables(run: Run, spec: Path) -> None:
    begun = json.loads(run("run", str(spec), "--no-wait", "--json").stdout)["id"]

    shown = run("runs", "show", begun)

    assert shown.exit_code == 0, shown.stderr
    assert "0 features done" in shown.stderr
    assert shown.stdout == ""
