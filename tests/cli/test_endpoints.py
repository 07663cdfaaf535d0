"""`autointerp endpoints`: what is configured and what it can do, and never a key."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def library(upgraded_sqlite: Path, tmp_path: Path) -> tuple[Path, None]:
    """An empty database of its own, because a probe is stored."""
    shutil.copyfile(upgraded_sqlite, tmp_path / "autointerp.db")
    return tmp_path / "autointerp.db", None


def test_the_endpoints_are_listed_without_their_keys(run: Run) -> None:
    done = run("endpoints")

    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert {"anthropic", "fake", "openai"} <= set(lines)
    assert " set " in lines["openai"]
    assert " none " in lines["fake"]
    assert "no key of anybody's" not in done.stdout


def test_a_probe_prints_what_it_found_and_the_list_shows_it(run: Run) -> None:
    probed = run("endpoints", "probe", "fake/honest", "--json")
    listed = json.loads(run("endpoints", "--json").stdout)

    found = {one["capability"]: one["has"] for one in json.loads(probed.stdout)["findings"]}
    assert found["decisions"] == found["schema"] == "yes"
    assert found["logprobs"] == found["echo"] == "no"
    [fake] = [one for one in listed if one["name"] == "fake"]
    assert fake["probes"] == [json.loads(probed.stdout)]
    assert "schema, temperature, repeatable, decisions" in run("endpoints").stdout


def test_the_findings_are_a_table_with_reasons(run: Run) -> None:
    shown = run("endpoints", "probe", "fake/honest").stdout

    assert "gives no log-probabilities" in shown


def test_an_endpoint_that_is_not_configured_ends_with_1(run: Run) -> None:
    done = run("endpoints", "probe", "nowhere/model")

    assert done.exit_code == 1
    assert "there is no LLM endpoint 'nowhere'" in done.stderr
