"""Who hands in a run hears of models that orders in corpus text may sway, and of no others."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from autointerp.domain.capabilities import Capability, Finding, Has, Probe
from autointerp.llm.base import Endpoint
from autointerp.runs import Desk, check_plugins, warnings_of
from autointerp.storage import endpoints
from tests.pipeline.world import World

LOCAL = Endpoint(
    name="local",
    provider="openai",
    base_url="http://127.0.0.1:9/v1",
    api_key=SecretStr("sk-1"),
    options={"decisions": "openai"},
)
DECIDES = {"name": "decisions", "options": {"model": "local/m"}}


def desk_of(world: World, *findings: Finding) -> Desk:
    """A desk whose local endpoint was probed with these findings; none: it was not probed."""
    if findings:
        probe = Probe("local", "m", "openai", LOCAL.fingerprint, findings, datetime.now(UTC))
        with world.desk.database.write() as session:
            endpoints.keep(session, probe)
    return replace(world.desk, endpoints={"local": LOCAL, **world.desk.endpoints})


def told(world: World, desk: Desk, **options: Any) -> tuple[str, ...]:
    """What is told when a run is handed in."""
    return warnings_of(desk, check_plugins(desk, world.spec(**options)))


def steady(has: Has) -> Finding:
    return Finding(Capability.STEADY, has, "3 of 4 verdicts followed orders")


async def test_a_model_that_was_never_probed_is_named_once_with_what_to_do(world: World) -> None:
    [sentence] = told(world, desk_of(world), llm="local/m")

    assert "local/m was never probed" in sentence
    assert "`autointerp endpoints probe local/m`" in sentence


async def test_a_probe_that_looked_for_something_else_counts_for_nothing(world: World) -> None:
    other = Finding(Capability.SCHEMA, Has.YES, "it followed one")

    [sentence] = told(world, desk_of(world, other), llm="local/m")

    assert "was never probed" in sentence


@pytest.mark.parametrize(
    ("has", "says"),
    [(Has.NO, 'judge by another model, or by the judge "decisions"'), (Has.UNKNOWN, "could not tell")],
)
async def test_a_model_that_is_not_known_to_be_steady_is_told_with_why(world: World, has: Has, says: str) -> None:
    [sentence] = told(world, desk_of(world, steady(has)), llm="local/m")

    assert "local/m" in sentence
    assert "3 of 4 verdicts followed orders" in sentence
    assert says in sentence


async def test_of_a_steady_model_nothing_is_told(world: World) -> None:
    assert told(world, desk_of(world, steady(Has.YES)), llm="local/m") == ()


async def test_of_what_has_no_words_or_no_server_nothing_is_told(world: World) -> None:
    by_decisions = {"explainers": ["token_statistics"], "scorers": [{"name": "detection", "judge": DECIDES}]}

    assert told(world, desk_of(world), llm="fake/model") == ()
    assert told(world, desk_of(world), llm="fake/model", **by_decisions) == ()


async def test_each_model_of_a_run_is_told_of(world: World) -> None:
    judge = {"name": "llm", "options": {"model": "local/judge"}}

    found = told(world, desk_of(world), llm="local/m", scorers=[{"name": "detection", "judge": judge}])

    assert ["local/judge", "local/m"] == [sentence.split()[0] for sentence in found]
