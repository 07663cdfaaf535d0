"""What is stored can be read in the terminal, for people and as JSON for machines."""

import json
from pathlib import Path

from autointerp.api.schemas.features import Feature
from tests.api.seed import FEATURES, Seeded
from tests.cli.conftest import Run


def test_features_are_listed_as_json_in_the_shape_of_the_api(run: Run, seeded: Seeded) -> None:
    listed = json.loads(run("features", "--json").stdout)

    assert [Feature.model_validate(line).index for line in listed] == list(range(FEATURES))


def test_features_are_filtered_and_ordered(run: Run, seeded: Seeded) -> None:
    found = json.loads(run("features", "--order", "max", "--min-density", "0.1", "--json").stdout)

    assert [line["index"] for line in found] == [11, 10]


def test_a_table_of_features_shows_text_and_not_markup(run: Run, seeded: Seeded) -> None:
    done = run("features", "--limit", "3")

    assert "·cat" in done.stdout
    assert f"3 of {FEATURES} features" in done.stderr


def test_a_feature_is_shown_by_id_and_by_index(run: Run, seeded: Seeded) -> None:
    by_id = run("show", str(seeded.features[4]), "--json").stdout
    by_index = run("show", f"{seeded.sae}/4", "--json").stdout

    assert by_id == by_index
    shown = json.loads(by_id)
    assert shown["explanations"][0]["text"] == "fires on [red] cats"
    assert shown["explanations"][0]["scores"][0]["value"] == 0.75


def test_a_feature_page_holds_its_text_as_it_is(run: Run, seeded: Seeded) -> None:
    shown = run("show", f"{seeded.sae}/4").stdout

    assert "fires on [red] cats" in shown
    assert "0.75 [0.50, 1.00]" in shown
    assert " the« cat» naïve⏎" in shown
    assert "[red]« cat»«<b>» sat." in shown


def test_the_splits_examples_are_chosen(run: Run, seeded: Seeded) -> None:
    shown = json.loads(run("show", f"{seeded.sae}/4", "--split", "score", "--json").stdout)

    assert {group["split"] for group in shown["groups"]} == {"score"}


def test_a_harvest_is_exported_line_by_line(run: Run, seeded: Seeded) -> None:
    done = run("export")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["index"] for line in lines] == list(range(FEATURES))
    assert [line["index"] for line in lines if line["explanations"]] == [4, 5]
    assert f"{FEATURES} features written" in done.stderr


def test_a_run_is_exported_to_a_file(run: Run, seeded: Seeded, tmp_path: Path) -> None:
    done = run("export", "--run", seeded.run, "--out", str(tmp_path / "run.jsonl"))

    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert (done.exit_code, done.stdout) == (0, "")
    assert [line["index"] for line in lines] == [4, 5]
    assert lines[0]["explanations"][0]["scores"][0]["interval"] == {"low": 0.5, "high": 1.0}


def test_an_export_to_a_folder_that_is_not_there_is_one_sentence(run: Run, seeded: Seeded, tmp_path: Path) -> None:
    done = run("export", "--out", str(tmp_path / "none" / "x.jsonl"))

    assert done.exit_code == 1
    assert "cannot write" in done.stderr
