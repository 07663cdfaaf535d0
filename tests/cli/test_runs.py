"""Runs are listed, paused, put before others, retried and extended from the command line."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autointerp.cli import app
from autointerp.storage import batches, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState
from tests.api.seed import Seeded
from tests.cli.conftest import Run


@pytest.fixture
def run(library: tuple[Path, Seeded], tmp_path: Path) -> Run:
    """Runs a command over a copy of the library."""
    shutil.copyfile(library[0], tmp_path / "autointerp.db")
    environment = {"AUTOINTERP_DATA_DIR": str(tmp_path), "COLUMNS": "200"}

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["runs", *arguments], env=environment)

    return invoke


def test_runs_are_listed_newest_first(run: Run, seeded: Seeded) -> None:
    listed = [one["id"] for one in json.loads(run("list", "--json").stdout)]

    assert listed == sorted(listed, reverse=True)
    assert {seeded.run, seeded.waiting_run} <= set(listed)
    assert "complete with failures" in run("list").stdout
    assert [one["id"] for one in json.loads(run("list", "--state", "paused", "--json").stdout)] == []


def test_a_run_is_shown(run: Run, seeded: Seeded) -> None:
    assert json.loads(run("show", seeded.run, "--json").stdout)["progress"]["done"] == 3


def test_a_run_is_paused_put_first_and_cancelled(run: Run, seeded: Seeded) -> None:
    commands = (("pause",), ("priority", "4"), ("cancel",))

    told = [json.loads(run(verb, seeded.waiting_run, *more, "--json").stdout) for verb, *more in commands]

    assert [(one["state"], one["priority"]) for one in told] == [("paused", 0), ("paused", 4), ("cancelled", 4)]
    assert run("pause", seeded.waiting_run).exit_code == 1


def test_whoever_cancels_a_run_in_batch_mode_hears_what_is_left_at_the_provider(
    run: Run, seeded: Seeded, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'autointerp.db'}")
    with database.write() as session:
        spec = runs.get(session, seeded.waiting_run).spec.model_copy(update={"mode": "batch"})
        asked = runs.create(session, spec, harvest_id=seeded.harvest, idempotency_key=None).id
        runs.set_state(session, asked, RunState.RUNNING)
        about = {"endpoint": "main", "provider": "openai", "model": "m", "tag": "t", "requests": 1_200}
        batch = batches.create(session, run_id=asked, **about)
        batches.adopt(session, batch.id, remote_id="batch_68f1", input_file=None)
    database.close()

    told = [run(verb, asked) for verb in ("cancel", "show")]

    for one in told:
        assert one.exit_code == 0, one.stderr
        assert "its batch is still to be ended at the provider (batch_68f1; 1,200 requests)" in one.stderr
        assert "`autointerp worker`" in one.stderr


def test_failed_features_are_handed_in_again(run: Run, seeded: Seeded) -> None:
    handed_in = run("retry", seeded.run, "--no-wait", "--json")

    assert handed_in.exit_code == 0, handed_in.stderr
    assert json.loads(handed_in.stdout)["progress"]["waiting"] == 1


def test_a_run_is_extended_by_a_file(run: Run, seeded: Seeded, tmp_path: Path) -> None:
    (tmp_path / "more.toml").write_text('scorers = [{ name = "fuzzing", judge = "lexical" }]')
    (tmp_path / "wrong.toml").write_text("seed = 3")

    handed_in = run("extend", seeded.run, str(tmp_path / "more.toml"), "--no-wait", "--json")
    wrong = run("extend", seeded.run, str(tmp_path / "wrong.toml"), "--no-wait")

    assert handed_in.exit_code == 0, handed_in.stderr
    made = json.loads(handed_in.stdout)
    assert (made["extends"], made["spec"]["scorers"][-1]["name"]) == (seeded.run, "fuzzing")
    assert wrong.exit_code == 1
    assert "seed" in wrong.stderr
    database = Database(f"sqlite:///{tmp_path / 'autointerp.db'}")
    with database.read() as session:
        assert runs.get(session, made["id"]).spec.extends == seeded.run
    database.close()
