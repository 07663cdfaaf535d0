"""Comparisons, agreement and summaries in the terminal."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autointerp.api.schemas.agreement import Agreement
from autointerp.api.schemas.comparisons import Comparison
from autointerp.api.schemas.summaries import Summary
from autointerp.cli import app
from autointerp.domain.specs import PluginSpec
from autointerp.storage.engine import Database
from tests.cli.conftest import Run
from tests.runs.scored import DETECTION, FUZZING, SIMULATION, Stage, rising, stage


@pytest.fixture
def staged(upgraded_sqlite: Path, tmp_path: Path) -> tuple[Stage, Run]:
    """A database of twelve features, and a way to run commands over it."""
    path = tmp_path / "autointerp.db"
    shutil.copyfile(upgraded_sqlite, path)
    environment = {"AUTOINTERP_DATABASE_URL": f"sqlite:///{path}", "AUTOINTERP_DATA_DIR": str(tmp_path)}

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env={**environment, "COLUMNS": "200"})

    return stage(Database(f"sqlite:///{path}")), invoke


def test_two_explainers_stand_side_by_side(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    made = stage.run({0: [*rising(start=0.3)[:11], "constant"]}, {0: rising()}, explainers=("default", "bricken"))

    done = run("compare", f"{made}:default", f"{made}:1")

    assert done.exit_code == 0, done.output
    assert f"first   default by openai/default, run {made}" in done.stdout
    assert f"second  bricken by openai/bricken, run {made}" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith("detection:lexical")]
    assert "+0.10 [+0.10, +0.10]" in line
    assert "1 first undefined" in line
    assert done.stderr == ""


def test_a_comparison_says_what_was_not_compared(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    first = stage.run({0: rising(), 1: rising()}, scorers=(DETECTION, FUZZING))
    second = stage.run({0: rising(0.04)}, seed=1)

    done = run("compare", first, second, "--verdicts")

    assert "different seeds" in done.stderr
    assert "not compared: fuzzing:lexical (only the first side has it)" in done.stderr
    assert "same answer" in done.stdout


def test_a_comparison_is_printed_as_json_in_the_shape_of_the_api(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    first, second = stage.run({0: rising()}), stage.run({0: rising(0.04)})

    shown = Comparison.model_validate_json(run("compare", first, second, "--json").stdout)

    assert (shown.first.run_id, shown.second.run_id, shown.scorers[0].pairs) == (first, second, 12)


def test_scorers_stand_in_a_table_of_correlations(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    one = stage.run({0: rising(), 1: [0.5] * 12}, scorers=(DETECTION, FUZZING))
    later = stage.run({0: rising(-0.01)}, claims=stage.claims(one), seed=1)

    done = run("agreement", one, later)
    shown = Agreement.model_validate_json(run("agreement", one, later, "--json").stdout)

    assert done.exit_code == 0, done.output
    assert "default, 12 explanations" in done.stdout
    assert "-1.00 [-1.00, -1.00]" in done.stdout
    assert "of 12" in done.stdout
    assert "no correlation of detection:lexical and fuzzing:lexical: the second scorer gives all 12" in done.stderr
    assert [scorer.run_id for scorer in shown.items[0].scorers] == [one, one, later]


def test_pairs_of_too_few_explanations_are_told_of_once(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    few = [*rising()[:7], *[None] * 5]
    made = stage.run({0: few, 1: few, 2: [*few[:4], *[None] * 8]}, scorers=(DETECTION, FUZZING, SIMULATION))

    done = run("agreement", made)

    assert done.exit_code == 0, done.output
    assert done.stderr == "no correlation of 3 pairs: only 4 to 7 explanations have both scores; 10 are needed\n"


def test_the_scores_of_a_run_are_put_together(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    made = stage.run({0: [*rising()[:10], "only 3 firing examples; 10 are needed", None]})

    done = run("summary", made)
    shown = Summary.model_validate_json(run("summary", made, "--json").stdout)

    [line] = [line for line in done.stdout.splitlines() if line.startswith("default")]
    assert line.split()[-3:] == ["10", "1", "1"]
    assert "0.31 · 0.43 · 0.54" in line
    assert "1 undefined: only 3 firing examples; 10 are needed" in done.stderr
    assert shown.items[0].scored == 10


def test_what_a_run_found_comes_with_its_scores_put_together(staged: tuple[Stage, Run]) -> None:
    stage, run = staged

    shown = json.loads(run("run", "--resume", stage.seeded.run, "--no-wait", "--json").stdout)

    assert [line["scored"] for line in shown["summary"]] == [2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "none", "none"], "there is no run none"),
        (["compare", ":default", "x"], "write RUN or RUN:EXPLAINER"),
        (["compare", "x:", "x"], "write RUN or RUN:EXPLAINER"),
        (["agreement", "none"], "there is no run none"),
        (["summary", "none"], "there is no run none"),
    ],
)
def test_bad_input_is_one_sentence(staged: tuple[Stage, Run], arguments: list[str], says: str) -> None:
    done = staged[1](*arguments)

    assert (done.exit_code, done.stdout) == (1, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_runs_that_scored_no_explanation_in_common_are_told_so(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    one, other = stage.run({0: rising()}), stage.run({0: rising()}, seed=1)

    done = run("agreement", one, other)

    assert done.exit_code == 0, done.output
    for each in (one, other):
        assert f"nothing to correlate for default(run={each}): only detection:lexical has scored" in done.stderr
        assert f"default(run={each}), 12 explanations" in done.stdout


def test_a_summary_tells_explainers_and_scorers_of_one_name_apart(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    few = DETECTION.model_copy(update={"options": {"random": 10, "least": 3}})
    many = DETECTION.model_copy(update={"options": {"random": 50, "least": 3}})
    short = PluginSpec(name="default", options={"examples": 5})
    scores = {0: rising(), 1: [*rising()[:11], "no reason"]}
    made = stage.run(scores, scores, explainers=("default", short), scorers=(few, many))

    done = run("summary", made)

    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["default", "detection:lexical(random=10)"],
        ["default", "detection:lexical(random=50)"],
        ["default(examples=5)", "detection:lexical(random=10)"],
        ["default(examples=5)", "detection:lexical(random=50)"],
    ]
    assert "detection:lexical(random=50) of default(examples=5): 1 undefined: no reason" in done.stderr


def test_a_side_that_could_be_several_explainers_says_by_what_they_differ(staged: tuple[Stage, Run]) -> None:
    stage, run = staged
    short = PluginSpec(name="default", options={"examples": 5})
    made = stage.run({0: rising()}, {0: rising()}, explainers=("default", short))

    done = run("compare", f"{made}:default", f"{made}:1")

    assert done.exit_code == 1
    assert f"{made}:0 (default), {made}:1 (default(examples=5))" in done.stderr
