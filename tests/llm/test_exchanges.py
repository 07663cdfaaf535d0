"""Servers of the OpenAI wire, each in its own spelling: we send what it documents and read what it sends.

The exchanges were written by hand from each server's documentation and from replies seen; `says` tells what is
particular about each.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autointerp.domain.calls import Asked, Message, Reply, Request, Role
from autointerp.judges._labels import probability
from autointerp.llm.base import CallFailed, Endpoint, Policy
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.providers import openai
from autointerp.llm.stack import open_llm
from autointerp.testing import listening

FILES = sorted((Path(__file__).parent / "exchanges").glob("*.json"))
SCHEMA = '{"additionalProperties":false,"properties":{"e00":{"type":"boolean"}},"required":["e00"],"type":"object"}'
CHAT = Request(
    "main", "m", (Message(Role.SYSTEM, "Rules."), Message(Role.USER, "Is it red?")), max_tokens=20, schema=SCHEMA
)
ASKS = {
    "schema": CHAT,
    "chat": replace(CHAT, logprobs=2),
    "decisions": Request(
        "main",
        "m",
        (Message(Role.SYSTEM, "Rules."), Message(Role.USER, "Claim.")),
        max_tokens=0,
        questions=(Asked("e000", "It is red: hat"), Asked("e001", "It is red: loaf")),
    ),
    "echo": Request(
        "main", "m", (Message(Role.USER, "One, two,"),), max_tokens=1, logprobs=2, temperature=0.0, echo=True
    ),
}
Exchange = Mapping[str, Any]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    return json.loads(request.param.read_text())


async def answer(exchange: Exchange) -> tuple[Reply | CallFailed, list[tuple[str, Any]]]:
    """Send the request through the whole layer to a server that answers as the exchange says."""
    seen: list[tuple[str, Any]] = []

    async def respond(request: HttpRequest) -> Response:
        seen.append((request.url.path, await request.json()))
        return JSONResponse(exchange["reply"], exchange["status"])

    with listening(Starlette(routes=[Route("/v1/{rest:path}", respond, methods=["POST"])])) as port:
        url = f"http://127.0.0.1:{port}/v1"
        endpoint = Endpoint(
            name="main", provider="openai", base_url=url, options=exchange["options"], policy=Policy(attempts=1)
        )
        async with open_llm([endpoint], run=None, books=MemoryBooks()) as llm:
            try:
                return await llm.complete(ASKS[exchange["ask"]]), seen
            except CallFailed as error:
                return error, seen


async def test_what_is_sent_is_what_the_server_documents(exchange: Exchange) -> None:
    _, seen = await answer(exchange)

    assert [("/v1" + exchange["path"], exchange["request"])] == seen
    route = openai.route_of(ASKS[exchange["ask"]], openai.Config(**exchange["options"]), hosted=False)
    assert exchange["request"] == route.body(ASKS[exchange["ask"]])


async def test_what_comes_back_is_read_or_told_by_its_own_name(exchange: Exchange) -> None:
    expected: Mapping[str, Any] = exchange["expect"]
    found, _ = await answer(exchange)

    if "error" in expected:
        assert expected["error"] == type(found).__name__
        return
    assert isinstance(found, Reply)
    assert expected["finish"] == found.finish
    counted = {"input": found.usage.input, "cache_read": found.usage.cache_read, "output": found.usage.output}
    assert {name: expected.get(name, 0) for name in counted} == counted
    assert expected.get("text", "") == found.text
    assert expected.get("decided", []) == [one.probability or one.unread for one in found.decided]
    assert expected.get("echoed", []) == [token.logprob for token in found.echoed]
    if "p_true" in expected:
        odds = probability(found, "e00")
        assert odds is not None
        assert math.isclose(odds, expected["p_true"], abs_tol=1e-3)


def test_there_is_an_exchange_of_each_server() -> None:
    servers = {json.loads(path.read_text())["server"].split()[0] for path in FILES}

    assert servers == {"vLLM", "Ollama", "llama-server", "llama-cpp-python", "transformers"}
