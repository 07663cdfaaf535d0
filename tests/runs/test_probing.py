"""A probe is on the books and kept; a run that needs what a probe found missing is refused when it is handed in."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autointerp.domain.capabilities import Capability, Finding, Has, Probe
from autointerp.errors import InvalidSpec, LLMError, NotFound
from autointerp.llm.base import Endpoint, Policy
from autointerp.runs import Desk, check_plugins, probe_endpoint, stored_probe
from autointerp.storage import calls, endpoints
from autointerp.testing import Seen, Wire, honest, listening, serve, wrong_key
from tests.pipeline.world import World

NEEDS: dict[Capability, dict[str, Any]] = {
    Capability.LOGPROBS: {"scorers": [{"name": "detection", "judge": {"name": "llm", "options": {"logprobs": 5}}}]},
    Capability.TEMPERATURE: {"explainers": [{"name": "default", "options": {"temperature": 0.5}}]},
    Capability.DECISIONS: {"scorers": [{"name": "detection", "judge": "decisions"}]},
    Capability.ECHO: {"scorers": [{"name": "surprisal", "options": {"endpoint": "local/m"}}]},
}
INSTEAD = {
    Capability.LOGPROBS: 'leave out the option `logprobs`, or use the judge "decisions"',
    Capability.TEMPERATURE: "leave out the option `temperature`",
    Capability.DECISIONS: 'use the judge "llm"',
    Capability.ECHO: "use a server that tells them (vLLM), or a local model",
}

Knowing = Callable[..., Desk]


@pytest.fixture
def local() -> Endpoint:
    return Endpoint(
        name="local",
        provider="openai",
        base_url="http://127.0.0.1:9/v1",
        api_key=SecretStr("sk-1"),
        options={"decisions": "openai"},
    )


@pytest.fixture
def knowing(world: World, local: Endpoint) -> Knowing:
    """A desk with the endpoint, and a probe of it that found this."""

    def make(capability: Capability, has: Has, *, of: Endpoint = local) -> Desk:
        found = Finding(capability, has, "the probe saw it")
        probe = Probe("local", "m", "openai", of.fingerprint, (found,), datetime.now(UTC))
        with world.desk.database.write() as session:
            endpoints.keep(session, probe)
        return replace(world.desk, endpoints={"local": local})

    return make


@contextmanager
def without_decisions() -> Generator[str]:
    """A server that chats and knows no other path; its address."""

    async def chat(request: Request) -> Response:
        return await honest(Seen(0, Wire.OPENAI, request.url.path, dict(request.headers), await request.json()))

    with listening(Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])) as port:
        yield f"http://127.0.0.1:{port}/v1"


@pytest.mark.parametrize("capability", NEEDS)
async def test_a_run_that_needs_what_is_missing_is_refused_with_what_to_do(
    world: World, knowing: Knowing, capability: Capability
) -> None:
    desk = knowing(capability, Has.NO)

    with pytest.raises(InvalidSpec) as caught:
        check_plugins(desk, world.spec(llm="local/m", **NEEDS[capability]))

    assert INSTEAD[capability] in caught.value.detail
    assert "the probe saw it" in caught.value.detail


@pytest.mark.parametrize("has", [Has.YES, Has.UNKNOWN])
async def test_a_run_whose_needs_are_met_or_unknown_is_taken(world: World, knowing: Knowing, has: Has) -> None:
    for capability, options in NEEDS.items():
        check_plugins(knowing(capability, has), world.spec(llm="local/m", **options))


async def test_a_run_that_does_not_need_what_is_missing_is_taken(world: World, knowing: Knowing) -> None:
    for capability in Capability:
        check_plugins(knowing(capability, Has.NO), world.spec(llm="local/m"))


async def test_a_model_that_was_never_probed_may_be_able_to_do_anything(world: World, knowing: Knowing) -> None:
    desk = knowing(Capability.LOGPROBS, Has.NO)

    check_plugins(desk, world.spec(llm="local/another", **NEEDS[Capability.LOGPROBS]))


async def test_a_probe_of_an_endpoint_that_is_configured_otherwise_now_counts_no_more(
    world: World, local: Endpoint, knowing: Knowing
) -> None:
    before = local.model_copy(update={"options": {"max_logprobs": 1}})
    desk = knowing(Capability.LOGPROBS, Has.NO, of=before)

    check_plugins(desk, world.spec(llm="local/m", **NEEDS[Capability.LOGPROBS]))


def test_the_fingerprint_is_of_all_but_the_key(local: Endpoint) -> None:
    assert local.fingerprint == local.model_copy(update={"api_key": SecretStr("sk-2")}).fingerprint
    others = [{"provider": "anthropic"}, {"base_url": "http://127.0.0.1:8/v1"}, {"options": {"timeout": 3}}]
    assert local.fingerprint not in [local.model_copy(update=other).fingerprint for other in others]


def test_an_address_is_shown_without_what_is_secret_in_it() -> None:
    url = "https://host.example:8443/v1?key=secret"

    assert Endpoint(name="x", provider="openai", base_url=url).address == "https://host.example:8443/v1"


def test_a_probe_is_in_the_ledger_and_kept(world: World, local: Endpoint) -> None:
    with serve(honest) as server:
        there = local.model_copy(update={"base_url": server.openai_url})
        desk = replace(world.desk, endpoints={"local": there})
        probe = probe_endpoint(desk, "local", "m")
        asked = len(server.requests)

    assert stored_probe(desk, "local", "m") == probe
    assert {finding.capability for finding in probe.findings} == set(Capability)
    with desk.database.read() as session:
        lines = [line for _, line in calls.list_calls(session, run_id=None, after=None, limit=100)]
    assert len([line for line in lines if line.endpoint == "local" and line.attempt > 0]) >= asked


async def test_a_server_without_decisions_is_found_out_and_then_no_run_is_taken_that_needs_them(
    world: World, local: Endpoint
) -> None:
    with without_decisions() as url:
        desk = replace(world.desk, endpoints={"local": local.model_copy(update={"base_url": url})})
        wanted = world.spec(llm="local/m", **NEEDS[Capability.DECISIONS])
        check_plugins(desk, wanted)
        await asyncio.to_thread(probe_endpoint, desk, "local", "m")
        with pytest.raises(InvalidSpec) as refused:
            check_plugins(desk, wanted)

    assert "the server of endpoint 'local' has nothing at /decisions" in refused.value.detail
    assert refused.value.detail.count('use the judge "llm"') == 1


def test_a_probe_that_cannot_ask_keeps_nothing(world: World, local: Endpoint) -> None:
    with serve(wrong_key()) as server:
        desk = replace(world.desk, endpoints={"local": local.model_copy(update={"base_url": server.openai_url})})
        with pytest.raises(LLMError, match="refused the key") as caught:
            probe_endpoint(desk, "local", "m")

    assert "sk-1" not in caught.value.detail
    assert stored_probe(desk, "local", "m") is None


def test_an_endpoint_that_is_not_configured_is_not_probed(world: World) -> None:
    with pytest.raises(NotFound, match="there are fake"):
        probe_endpoint(world.desk, "nowhere", "m")


def test_trying_twice_is_enough_for_a_probe(world: World, local: Endpoint) -> None:
    patient = local.model_copy(update={"policy": Policy(attempts=2, wait_initial=0.001, wait_jitter=0)})

    with pytest.raises(LLMError, match="cannot be reached"):
        probe_endpoint(replace(world.desk, endpoints={"local": patient}), "local", "m")
