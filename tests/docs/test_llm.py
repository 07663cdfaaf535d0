"""Every endpoint and judge that docs/llm.md shows can be configured as it stands."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from autointerp import plugins
from autointerp.domain.capabilities import PROBE_REQUESTS, Capability
from autointerp.domain.judging import Confidence
from autointerp.domain.ledger import AttemptStatus
from autointerp.domain.specs import PluginSpec
from autointerp.llm.stack import tariff_of
from autointerp.settings import load
from autointerp.testing.__main__ import BEHAVIOURS
from autointerp.wiring import endpoints

PAGE = (Path(__file__).parents[2] / "docs" / "llm.md").read_text()
BLOCKS: list[dict[str, Any]] = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.S)]
SERVERS = {name: given for block in BLOCKS for name, given in block.get("endpoints", {}).items()}


@pytest.mark.parametrize("name", SERVERS)
def test_every_endpoint_shown_is_one(name: str, tmp_path: Path) -> None:
    loaded = load(data_dir=tmp_path, endpoints={name: SERVERS[name]})
    [found] = [one for one in endpoints(loaded) if one.name == name]

    plugins.configure("provider", found.provider, found.options)
    assert tariff_of(found) is not None


def test_every_judge_shown_is_one() -> None:
    shown = [scorer["judge"] for block in BLOCKS for scorer in block.get("scorers", ())]

    assert shown
    for judge in shown:
        spec = PluginSpec.model_validate(judge)
        plugins.configure("judge", spec.name, spec.options)


def test_every_capability_and_kind_of_confidence_is_explained() -> None:
    assert [one for one in Capability if f"| `{one}` |" not in PAGE] == []
    assert [one for one in Confidence if f"`{one}`" not in PAGE] == []


def test_every_status_of_an_attempt_is_explained() -> None:
    ledger = PAGE.partition("## The ledger")[2].partition("\n## ")[0]
    explained = [line.split("|")[1] for line in ledger.splitlines() if line.startswith("| `")]

    assert [one for one in AttemptStatus if not any(f"`{one}`" in names for names in explained)] == []


def test_it_says_how_many_requests_a_probe_takes() -> None:
    assert f"about {PROBE_REQUESTS} requests" in PAGE


def test_every_behaviour_of_the_test_server_is_named() -> None:
    assert [name for name in BEHAVIOURS if f"`{name}`" not in PAGE] == []
