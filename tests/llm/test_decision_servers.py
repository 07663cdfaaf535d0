"""Decisions through the real client against a real HTTP server: one path for cache, retries, books and faults."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from autointerp.domain.calls import Asked, Decided, Message, Reply, Request, Role
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.ledger import AttemptStatus
from autointerp.errors import InvalidSpec
from autointerp.llm.base import CallFailed, Endpoint, Malformed, MissingCapability, Policy, UnknownModel, WrongKey
from autointerp.llm.memory import MemoryAllowance, MemoryBooks
from autointerp.llm.prices import Price
from autointerp.llm.providers.recorded import Recorder
from autointerp.llm.stack import open_llm
from autointerp.testing import (
    Behaviour,
    TestServer,
    broken_json,
    deciding,
    failing,
    honest,
    html,
    in_turn,
    rate_limited,
    refusing,
    sending,
    serve,
    unknown_model,
    wrong_key,
    wrong_shape,
)

KEY = "sk-canary-0123456789"
ASKED = (Asked("e000", '{"text": "a red hat"}'), Asked("e001", '{"text": "a loaf"}'))
REQUEST = Request(
    "main", "m", (Message(Role.USER, 'Explanation: "the word \\"red\\""'),), max_tokens=0, questions=ASKED
)
WIRES = {
    "openai's decisions": ("openai", {"decisions": "openai"}, "/v1/decisions"),
    "System One on an OpenAI server": ("openai", {"decisions": "systemone"}, "/v1/systemone"),
    "System One alone": ("systemone", {}, "/v1/systemone"),
}
EndpointAt = Callable[[TestServer], Endpoint]


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], str]:
    return WIRES[request.param]


@pytest.fixture
def endpoint_at(wire: tuple[str, dict[str, Any], str]) -> EndpointAt:
    provider, options, _ = wire

    def make(server: TestServer) -> Endpoint:
        return Endpoint(
            name="main",
            provider=provider,
            base_url=server.openai_url,
            api_key=SecretStr(KEY),
            options=options,
            policy=Policy(attempts=3, wait_initial=0.001, wait_max=0.002, wait_jitter=0),
            price=Price.model_validate({"input": 1, "output": 2}),
        )

    return make


async def decide(endpoint: Endpoint, books: MemoryBooks) -> Reply:
    books.allowances.setdefault("r", MemoryAllowance())
    async with open_llm([endpoint], run="r", books=books) as llm:
        return await llm.complete(REQUEST)


async def failure(endpoint: Endpoint, books: MemoryBooks) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await decide(endpoint, books)
    return caught.value


async def test_questions_go_to_the_wires_route_with_our_key_and_come_back_decided_and_paid(
    endpoint_at: EndpointAt, wire: tuple[str, dict[str, Any], str]
) -> None:
    books = MemoryBooks()
    with serve(honest, key=KEY) as server:
        reply = await decide(endpoint_at(server), books)

    [seen] = server.requests
    assert (wire[2], ASKED) == (seen.path, seen.questions)
    assert [round(one.probability or 0, 3) for one in reply.decided] == [0.717, 0.1]
    [line] = books.lines
    assert line.status is AttemptStatus.ANSWERED
    assert line.usage == reply.usage
    assert line.cost == reply.cost == reply.usage.input * 1000


async def test_decisions_are_kept_and_not_paid_for_again(endpoint_at: EndpointAt) -> None:
    books = MemoryBooks()
    with serve(in_turn(deciding(lambda asked: 0.25), failing())) as server:
        first = await decide(endpoint_at(server), books)
        second = await decide(endpoint_at(server), books)

    assert first.decided == second.decided == (Decided("e000", 0.25), Decided("e001", 0.25))
    assert (len(server.requests), second.cached) == (1, True)


async def test_a_passing_fault_is_tried_again_and_each_attempt_is_written_down(endpoint_at: EndpointAt) -> None:
    books = MemoryBooks()
    with serve(in_turn(rate_limited(0.01), html(), honest)) as server:
        await decide(endpoint_at(server), books)

    assert [AttemptStatus.RATE_LIMITED, AttemptStatus.MALFORMED, AttemptStatus.ANSWERED] == [
        line.status for line in books.lines
    ]


@pytest.mark.parametrize("fault", [html(), broken_json(), wrong_shape(), sending({"answers": 3}), sending([])])
async def test_what_is_no_decision_is_malformed_and_tried_once_more(endpoint_at: EndpointAt, fault: Behaviour) -> None:
    books = MemoryBooks()
    with serve(fault) as server:
        assert isinstance(await failure(endpoint_at(server), books), Malformed)

    assert [AttemptStatus.MALFORMED] * 2 == [line.status for line in books.lines]


async def test_what_a_malformed_decision_was_billed_is_in_the_ledger(endpoint_at: EndpointAt) -> None:
    books = MemoryBooks()
    with serve(wrong_shape()) as server:
        await failure(endpoint_at(server), books)

    assert all(line.usage.input > 0 and line.cost for line in books.lines)


async def test_a_wrong_key_is_told_without_the_key(endpoint_at: EndpointAt) -> None:
    with serve(wrong_key()) as server:
        error = await failure(endpoint_at(server), MemoryBooks())

    assert isinstance(error, WrongKey)
    assert KEY not in error.detail


@pytest.mark.parametrize("status", [404, 405])
async def test_a_server_that_knows_no_decisions_is_told_with_what_to_do(
    endpoint_at: EndpointAt, wire: tuple[str, dict[str, Any], str], status: int
) -> None:
    with serve(failing(status, "not_found", "Not Found")) as server:
        error = await failure(endpoint_at(server), MemoryBooks())

    assert isinstance(error, UnknownModel)
    assert f"nothing at {wire[2].removeprefix('/v1')}" in error.detail
    assert 'use the judge "llm"' in error.detail
    assert "`autointerp endpoints probe main/m`" in error.detail


async def test_a_model_that_the_server_says_it_has_not_is_unknown(endpoint_at: EndpointAt) -> None:
    with serve(unknown_model()) as server:
        error = await failure(endpoint_at(server), MemoryBooks())

    assert "has no model 'm'" in error.detail


async def test_refused_questions_are_unread(endpoint_at: EndpointAt, wire: tuple[str, dict[str, Any], str]) -> None:
    def half(asked: Asked) -> float | None:
        return 0.75 if asked.name == "e000" else None

    with serve(deciding(half)) as server:
        reply = await decide(endpoint_at(server), MemoryBooks())

    unread = UnreadKind.REFUSED if wire[2] == "/v1/decisions" else UnreadKind.MISSING
    assert reply.decided == (Decided("e000", 0.75), Decided("e001", None, unread))


async def test_openais_refusal_of_every_question_is_a_refusal_in_the_ledger() -> None:
    books = MemoryBooks()
    with serve(refusing()) as server:
        endpoint = Endpoint(name="main", provider="openai", base_url=server.openai_url, options={"decisions": "openai"})
        await decide(endpoint, books)

    assert [AttemptStatus.REFUSED] == [line.status for line in books.lines]


async def test_a_recording_replays_decisions(endpoint_at: EndpointAt, tmp_path: Any) -> None:
    path = tmp_path / "exchanges.jsonl"
    with serve(honest) as server:
        async with open_llm([endpoint_at(server)], run=None, books=MemoryBooks()) as llm:
            asked = await Recorder(llm, path).complete(REQUEST)

    replayed = await decide(Endpoint(name="main", provider="recorded", options={"path": str(path)}), MemoryBooks())

    assert replayed.decided == asked.decided


async def test_nothing_is_sent_where_questions_cannot_be() -> None:
    with serve(honest) as server:
        for provider, url in (("openai", server.openai_url), ("anthropic", server.url)):
            endpoint = Endpoint(name="main", provider=provider, base_url=url)
            error = await failure(endpoint, MemoryBooks())
            assert isinstance(error, MissingCapability)

    assert server.requests == []


async def test_a_system_one_endpoint_needs_an_address_and_writes_no_text() -> None:
    with pytest.raises(InvalidSpec, match="set its base_url"):
        await decide(Endpoint(name="main", provider="systemone"), MemoryBooks())
    with serve(honest) as server:
        endpoint = Endpoint(name="main", provider="systemone", base_url=server.openai_url)
        async with open_llm([endpoint], run=None, books=MemoryBooks()) as llm:
            with pytest.raises(MissingCapability, match="only decides yes/no questions"):
                await llm.complete(Request("main", "m", (Message(Role.USER, "Hi."),), max_tokens=5))

    assert server.requests == []
