"""A run that asks an endpoint more questions at once than it takes is refused when it is handed in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from autointerp.errors import InvalidSpec
from autointerp.llm.base import Endpoint
from autointerp.runs import check_plugins
from tests.pipeline.world import World

SYSTEM_ONE = ({"provider": "systemone"}, {"provider": "openai", "options": {"decisions": "systemone"}})
UNDECIDED = (
    {"provider": "openai"},
    {"provider": "openai", "options": {"decisions": "none"}},
    {"provider": "anthropic"},
)
OTHERS = ({"provider": "openai", "options": {"decisions": "openai"}}, {"provider": "fake"})


def hand_in(world: World, endpoint: Mapping[str, Any], questions: int) -> None:
    """Hand in a run whose judge asks so many questions a request."""
    local = Endpoint(name="local", base_url="http://127.0.0.1:9/v1", api_key=SecretStr("sk-1"), **endpoint)
    judge = {"name": "decisions", "options": {"model": "local/m", "questions": questions}}
    spec = world.spec(scorers=[{"name": "detection", "judge": judge}])
    check_plugins(replace(world.desk, endpoints={"local": local, **world.desk.endpoints}), spec)


@pytest.mark.parametrize("endpoint", SYSTEM_ONE)
async def test_system_one_takes_64_questions(world: World, endpoint: Mapping[str, Any]) -> None:
    hand_in(world, endpoint, 64)

    with pytest.raises(InvalidSpec, match=r"65 questions a request, and .* takes 64 at most"):
        hand_in(world, endpoint, 65)


@pytest.mark.parametrize("endpoint", OTHERS)
async def test_others_take_as_many_as_the_judge_may_ask(world: World, endpoint: Mapping[str, Any]) -> None:
    hand_in(world, endpoint, 400)


@pytest.mark.parametrize("endpoint", UNDECIDED)
async def test_an_endpoint_that_names_no_wire_for_decisions_is_not_asked_for_any(
    world: World, endpoint: Mapping[str, Any]
) -> None:
    with pytest.raises(InvalidSpec, match='as it is configured offers none; use the judge "llm"'):
        hand_in(world, endpoint, 1)
