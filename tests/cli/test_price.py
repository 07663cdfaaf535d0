"""Nothing that costs money is asked before the user agrees to the price."""

import json
from pathlib import Path

import pytest

from autointerp.cli.progress import in_dollars
from tests.api.seed import Seeded
from tests.cli.conftest import Run

SPEC = """
harvest = "HARVEST"
explainers = [{ name = "default", options = { least = 1 } }]
[features]
indices = [8, 9]
"""


@pytest.fixture
def spec(seeded: Seeded, tmp_path: Path) -> Path:
    """A run that asks a language model once for each of two features."""
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.replace("HARVEST", seeded.harvest))
    return path


def test_a_price_is_shown_and_nothing_is_spent_without_an_answer(run: Run, spec: Path) -> None:
    done = run("run", str(spec), "--llm", "openai/gpt-4o-mini", "--no-wait")

    assert done.exit_code == 1
    assert "openai/gpt-4o-mini: about 2 requests" in done.stderr
    assert "for about $0.0" in done.stderr
    assert "nothing was spent" in done.stderr
    assert done.stdout == ""


def test_a_model_that_was_never_probed_is_named_before_anything_is_spent(run: Run, spec: Path) -> None:
    done = run("run", str(spec), "--llm", "openai/gpt-4o-mini", "--no-wait")

    assert "openai/gpt-4o-mini was never probed" in done.stderr
    assert "probed" not in run("run", str(spec), "--llm", "fake/honest", "--no-wait").stderr


def test_who_takes_a_run_up_hears_of_its_models_again(run: Run, spec: Path) -> None:
    begun = run("run", str(spec), "--llm", "openai/gpt-4o-mini", "--no-wait", "--yes", "--json")
    begun_id = json.loads(begun.stdout)["id"]

    done = run("run", "--resume", begun_id, "--no-wait", "--json")

    [warning] = json.loads(done.stdout)["warnings"]
    assert "openai/gpt-4o-mini was never probed" in warning
    assert warning in done.stderr


def test_a_price_that_is_not_known_is_asked_about_too(run: Run, spec: Path) -> None:
    done = run("run", str(spec), "--llm", "openai/no-such-model", "--no-wait")

    assert done.exit_code == 1
    assert "at a price that is not known" in done.stderr


def test_who_agrees_beforehand_sees_the_price_and_goes_on(run: Run, spec: Path) -> None:
    done = run("run", str(spec), "--llm", "openai/gpt-4o-mini", "--no-wait", "--yes", "--json")

    assert done.exit_code == 0
    assert "for about $0.0" in done.stderr
    assert '"state": "running"' in done.stdout


def test_what_costs_nothing_is_not_asked_about(run: Run, spec: Path) -> None:
    done = run("run", str(spec), "--llm", "fake/honest", "--no-wait", "--json")

    assert done.exit_code == 0
    assert "about" not in done.stderr


def test_a_price_that_cannot_be_told_is_asked_about(run: Run, spec: Path) -> None:
    spec.write_text(spec.read_text().replace("least = 1", "least = 50"))

    done = run("run", str(spec), "--llm", "openai/gpt-4o-mini", "--no-wait")

    assert done.exit_code == 1
    assert "nothing was spent" in done.stderr


def test_an_estimate_goes_from_low_to_high_and_spends_nothing(run: Run, spec: Path) -> None:
    done = run("estimate", str(spec), "--llm", "openai/gpt-4o-mini", "--json")

    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert found["requests"] == 2
    assert [model["model"] for model in found["models"]] == ["openai/gpt-4o-mini"]
    assert 0 < found["dollars"]["low"] <= found["dollars"]["likely"] <= found["dollars"]["high"]
    assert 0 < found["tokens"]["low"] <= found["tokens"]["likely"] <= found["tokens"]["high"]
    assert run("features", "--json").exit_code == 0


def test_an_estimate_is_a_table_with_what_is_not_known_said(run: Run, spec: Path) -> None:
    done = run("estimate", str(spec), "--llm", "openai/no-such-model")

    assert done.exit_code == 0
    assert "openai/no-such-model" in done.stdout
    assert "not known" in done.stdout


def test_an_estimate_of_decisions_in_batches_is_refused_with_the_way_out(run: Run, spec: Path) -> None:
    scorers = '\nscorers = [{ name = "detection", judge = "decisions" }]\nmode = "batch"\n'
    spec.write_text(scorers + spec.read_text())

    done = run("estimate", str(spec), "--llm", "openai/gpt-4o-mini")

    assert done.exit_code == 1
    assert 'use the judge "llm", or set mode = "online"' in done.stderr


@pytest.mark.parametrize(
    ("cost", "unknown", "shown"),
    [
        (0.0, 0, "$0.0000"),
        (0.5, 0, "$0.5000"),
        (0.0, 24, "24 requests of unknown price"),
        (0.5, 24, "$0.5000 + 24 requests of unknown price"),
    ],
)
def test_what_is_not_known_is_never_shown_as_nothing(cost: float, unknown: int, shown: str) -> None:
    assert in_dollars(cost, unknown=unknown) == shown
