"""What is exported can be imported, in every format, by two commands."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autointerp.cli import app
from tests.api.seed import FEATURES, Seeded
from tests.cli.conftest import Run


@pytest.fixture
def elsewhere(upgraded_sqlite: Path, tmp_path: Path) -> Callable[..., Result]:
    """Runs a command over an empty database."""
    path = tmp_path / "elsewhere.db"
    shutil.copyfile(upgraded_sqlite, path)
    environment = {"AUTOINTERP_DATABASE_URL": f"sqlite:///{path}", "AUTOINTERP_DATA_DIR": str(tmp_path)}
    return lambda *arguments: CliRunner().invoke(app, list(arguments), env={**environment, "COLUMNS": "200"})


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_an_archive_goes_from_one_database_to_another(
    run: Run, elsewhere: Run, seeded: Seeded, tmp_path: Path, format: str
) -> None:
    exported = run("export", "--format", format, "--out", str(tmp_path / "archive"))
    imported = elsewhere("import", str(tmp_path / "archive"))

    assert (exported.exit_code, imported.exit_code) == (0, 0), exported.stderr + imported.stderr
    assert f"{FEATURES} features" in imported.stderr
    assert elsewhere("export", "--run", seeded.run).stdout == run("export", "--run", seeded.run).stdout
    assert not (tmp_path / "archive.partial").exists()


@pytest.mark.parametrize(
    ("format", "more"), [("neuronpedia", ()), ("neuronpedia-feature", ("--index", "4")), ("delphi", ())]
)
def test_the_files_of_others_are_written_and_recognised(
    run: Run, elsewhere: Run, seeded: Seeded, tmp_path: Path, format: str, more: tuple[str, ...]
) -> None:
    out = tmp_path / ("4.json" if more else "folder")
    exported = run("export", "--format", format, *more, "--out", str(out))
    imported = elsewhere("import", str(out))

    assert (exported.exit_code, imported.exit_code) == (0, 0), exported.stderr + imported.stderr
    lines = [json.loads(line) for line in elsewhere("export").stdout.splitlines()]
    texts = [said["text"] for line in lines for said in line["explanations"]]
    assert texts == ["fires on [red] cats"] * len(texts) != []
    assert all(said["scores"] == [] for line in lines for said in line["explanations"])


def test_what_is_left_out_is_said(run: Run, elsewhere: Run, seeded: Seeded, tmp_path: Path) -> None:
    exported = run("export", "--format", "neuronpedia", "--out", str(tmp_path / "np"))

    assert "left out: the trials of scores (2)" in exported.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("export", "--format", "jsonl"), "--out"),
        (("export", "--format", "delphi", "--run", "x", "--out", "x"), "--run is for"),
        (("export", "--format", "neuronpedia-feature", "--out", "x.json"), "--index"),
        (("export", "--format", "parquet", "--out", "/proc/x"), "cannot write"),
        (("import", "/nowhere"), "there is no /nowhere"),
        (("import", "/usr"), "no archive"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)

    assert done.exit_code == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_folder_with_something_in_it_is_not_written_to(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    done = run("export", "--format", "jsonl", "--out", str(tmp_path))

    assert (done.exit_code, (tmp_path / "mine").read_text()) == (1, "mine")


def test_an_archive_takes_no_harvest(run: Run, elsewhere: Run, seeded: Seeded, tmp_path: Path) -> None:
    run("export", "--format", "jsonl", "--out", str(tmp_path / "archive"))
    elsewhere("import", str(tmp_path / "archive"))

    done = elsewhere("import", str(tmp_path / "archive"), "--harvest", seeded.harvest)

    assert (done.exit_code, "leave out --harvest" in done.stderr) == (1, True)


def test_labels_are_added_to_a_harvest(run: Run, elsewhere: Run, seeded: Seeded, tmp_path: Path) -> None:
    run("export", "--format", "jsonl", "--out", str(tmp_path / "archive"))
    run("export", "--format", "neuronpedia", "--out", str(tmp_path / "np"))
    elsewhere("import", str(tmp_path / "archive"))

    done = elsewhere("import", str(tmp_path / "np"), "--harvest", seeded.harvest)

    shown = json.loads(elsewhere("show", "1/4", "--json").stdout)
    assert done.exit_code == 0
    assert [said["explainer"] for said in shown["explanations"]] == [
        "token_statistics",
        "neuronpedia:token_statistics",
    ]
    assert [len(said["scores"]) for said in shown["explanations"]] == [1, 0]
