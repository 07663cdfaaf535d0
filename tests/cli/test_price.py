"""Nothing that costs money is asked before the user agrees to the price."""

from pathlib import Path

import pytest

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
