"""Both providers through their real SDKs against a real HTTP server."""

import logging
from collections.abc import Callable

import pytest
from starlette.responses import JSONResponse, Response

from autointerp.domain.calls import Finish, Reply, Request, TokenLogprob, Usage
from autointerp.domain.explanations import Unread, UnreadKind
from autointerp.domain.ledger import AttemptStatus
from autointerp.llm.base import (
    BadRequest,
    CallFailed,
    Endpoint,
    Malformed,
    MissingCapability,
    Policy,
    QuotaSpent,
    RateLimited,
    Redirected,
    ServerFailed,
    TimedOut,
    UnknownModel,
    Unreachable,
    WrongKey,
)
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.replies import read_text
from autointerp.llm.stack import open_llm
from autointerp.testing import (
    Answer,
    Behaviour,
    Seen,
    Wire,
    answering,
    broken_json,
    broken_off,
    error_with_200,
    failing,
    filtered,
    html,
    in_turn,
    overloaded,
    quota_spent,
    rate_limited,
    redirecting,
    refusing,
    say,
    serve,
    slow,
    truncated,
    unknown_model,
    wrong_key,
    wrong_shape,
)

KEY = "sk-canary-0123456789"
ONE_ATTEMPT = Policy(attempts=1)
USED = Usage(input=100, cache_read=20, cache_write=10, output=30, reasoning=5)

EndpointAt = Callable[..., Endpoint]
Ask = Callable[..., Request]


async def complete(endpoint: Endpoint, request: Request, books: MemoryBooks | None = None) -> Reply:
    async with open_llm([endpoint], run="r", books=books or MemoryBooks()) as llm:
        return await llm.complete(request)


async def failure(endpoint: Endpoint, request: Request, books: MemoryBooks | None = None) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await complete(endpoint, request, books)
    return caught.value


async def test_an_answer_comes_back_with_its_usage_and_its_cost(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(say("Blue.", usage=USED), key=KEY) as server:
        reply = await complete(endpoint_at(server), ask(), books)

    assert ("Blue.", Finish.STOP, USED, "m-1") == (reply.text, reply.finish, reply.usage, reply.model)
    assert reply.cost == (100 + 20 + 10) * 1000 + 30 * 2000
    assert reply.provider_request == "req_0"
    assert "Blue." in reply.raw
    [line] = books.lines
    assert (AttemptStatus.ANSWERED, 1, USED, reply.cost) == (line.status, line.attempt, line.usage, line.cost)


async def test_the_server_gets_the_prompt_the_schema_and_our_key(endpoint_at: EndpointAt, ask: Ask) -> None:
    schema = '{"additionalProperties":false,"properties":{"e00":{"type":"boolean"}},"required":["e00"],"type":"object"}'
    request = ask(schema=schema)
    with serve(say('{"e00": true}')) as server:
        await complete(endpoint_at(server), request)

    [seen] = server.requests
    assert [(m.role, m.text) for m in request.messages] == [(m.role, m.text) for m in seen.messages]
    assert (schema, KEY, "m-1") == (seen.schema, seen.key, seen.model)


async def test_a_429_is_tried_again_after_the_time_the_server_names(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(in_turn(rate_limited(retry_after=0.2), say("Blue."))) as server:
        reply = await complete(endpoint_at(server), ask(), books)

    assert reply.text == "Blue."
    first, second = books.lines
    assert (AttemptStatus.RATE_LIMITED, AttemptStatus.ANSWERED) == (first.status, second.status)
    assert (1, 2) == (first.attempt, second.attempt)
    assert (second.started_at - first.finished_at).total_seconds() >= 0.19
    assert first.cost == 0


@pytest.mark.parametrize("fault", [failing(500), overloaded(), broken_off()])
async def test_a_passing_fault_is_tried_again(endpoint_at: EndpointAt, ask: Ask, fault: Behaviour) -> None:
    with serve(in_turn(fault, fault, say("Blue."))) as server:
        reply = await complete(endpoint_at(server), ask())

    assert reply.text == "Blue."
    assert len(server.requests) == 3


@pytest.mark.parametrize(("fault", "kind"), [(failing(500), ServerFailed), (rate_limited(), RateLimited)])
async def test_attempts_come_to_an_end(
    endpoint_at: EndpointAt, ask: Ask, fault: Behaviour, kind: type[CallFailed]
) -> None:
    with serve(fault) as server:
        error = await failure(endpoint_at(server), ask())

    assert isinstance(error, kind)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        (wrong_key(), WrongKey, "key"),
        (quota_spent(), QuotaSpent, "credit"),
        (unknown_model(), UnknownModel, "m-1"),
        (failing(400, "invalid_request_error", "max_tokens is too large"), BadRequest, "max_tokens is too large"),
    ],
)
async def test_what_no_waiting_helps_is_asked_once(
    endpoint_at: EndpointAt, ask: Ask, fault: Behaviour, kind: type[CallFailed], word: str
) -> None:
    with serve(fault) as server:
        error = await failure(endpoint_at(server), ask())

    assert type(error) is kind
    assert word in error.detail
    assert len(server.requests) == 1


async def test_a_redirect_is_refused(endpoint_at: EndpointAt, ask: Ask) -> None:
    with serve(say("stolen")) as elsewhere, serve(redirecting(f"{elsewhere.url}/v1/chat/completions")) as server:
        error = await failure(endpoint_at(server), ask())

    assert isinstance(error, Redirected)
    assert len(server.requests) == 1
    assert not elsewhere.requests


async def test_a_reply_that_comes_too_late_is_booked_at_its_worst(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(slow(5, say("Blue."))) as server:
        error = await failure(endpoint_at(server, policy=ONE_ATTEMPT, timeout=0.1), ask(), books)

    assert isinstance(error, TimedOut)
    [line] = books.lines
    assert line.status is AttemptStatus.TIMED_OUT
    assert line.usage.output == 50
    assert line.cost is not None
    assert line.cost > 50 * 2000


async def test_a_server_that_is_not_there_is_said_to_be_unreachable(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(say("gone")) as server:
        endpoint = endpoint_at(server, policy=ONE_ATTEMPT)
    error = await failure(endpoint, ask(), books)

    assert isinstance(error, Unreachable)
    assert "cannot be reached" in error.detail
    assert [0] == [line.cost for line in books.lines]


@pytest.mark.parametrize("fault", [html(), error_with_200(), broken_json(), wrong_shape()])
async def test_what_is_no_reply_is_counted_as_malformed_and_asked_once_more(
    endpoint_at: EndpointAt, ask: Ask, fault: Behaviour
) -> None:
    books = MemoryBooks()
    with serve(fault) as server:
        error = await failure(endpoint_at(server), ask(), books)

    assert isinstance(error, Malformed)
    assert error.said.raw
    assert [AttemptStatus.MALFORMED] * 2 == [line.status for line in books.lines]
    assert len(server.requests) == 2


async def test_usage_is_recorded_although_the_reply_cannot_be_parsed(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(wrong_shape(usage=USED)) as server:
        await failure(endpoint_at(server), ask(), books)

    assert [USED, USED] == [line.usage for line in books.lines]
    assert books.cost == 2 * ((100 + 20 + 10) * 1000 + 30 * 2000)


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (refusing(usage=USED), AttemptStatus.REFUSED, UnreadKind.REFUSED),
        (truncated(usage=USED), AttemptStatus.TRUNCATED, UnreadKind.TRUNCATED),
    ],
)
async def test_a_refused_or_truncated_answer_is_paid_for_and_unread(
    endpoint_at: EndpointAt, ask: Ask, fault: Behaviour, status: AttemptStatus, kind: UnreadKind
) -> None:
    books = MemoryBooks()
    with serve(fault) as server:
        reply = await complete(endpoint_at(server), ask(), books)

    [line] = books.lines
    assert (status, USED) == (line.status, line.usage)
    unread = read_text(reply)
    assert isinstance(unread, Unread)
    assert unread.kind is kind
    assert len(server.requests) == 1


async def test_a_filtered_answer_is_unread(endpoint_at: EndpointAt, ask: Ask, wire: Wire) -> None:
    with serve(filtered()) as server:
        reply = await complete(endpoint_at(server), ask())

    expected = UnreadKind.FILTERED if wire is Wire.OPENAI else UnreadKind.REFUSED
    unread = read_text(reply)
    assert isinstance(unread, Unread)
    assert unread.kind is expected


async def test_the_key_is_in_no_log_no_error_and_no_repr(
    endpoint_at: EndpointAt, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    books = MemoryBooks()
    faults = [wrong_key(), failing(400, "bad", f"no such thing as {KEY}"), failing(500), html(), rate_limited()]
    told = [repr(books)]
    for fault in faults:
        with serve(fault) as server:
            endpoint = endpoint_at(server)
            error = await failure(endpoint, ask(), books)
            told += [str(error), repr(error), repr(endpoint), endpoint.model_dump_json()]

    everything = "\n".join([*told, caplog.text, repr(books.lines)])
    assert "main" in everything
    assert KEY not in everything
    assert "Name a colour" not in caplog.text


async def test_a_request_leaves_no_line_in_a_log_that_asks_for_warnings(
    endpoint_at: EndpointAt, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for name in ("openai", "anthropic", "httpx2"):
        caplog.set_level(logging.NOTSET, logger=name)

    with serve(say("Blue.")) as server:
        await complete(endpoint_at(server), ask())

    assert "HTTP Request" not in caplog.text


async def test_the_environment_has_no_say_in_where_requests_go_or_what_they_carry(
    endpoint_at: EndpointAt, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vendor in ("OPENAI", "ANTHROPIC"):
        for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "AUTH_TOKEN"):
            monkeypatch.setenv(f"{vendor}_{name}", f"canary-{name}")
        monkeypatch.setenv(f"{vendor}_BASE_URL", "http://127.0.0.1:9/canary")
        monkeypatch.setenv(f"{vendor}_CUSTOM_HEADERS", "X-Gateway: canary\nAuthorization: Bearer canary")
    with serve(say("Blue.")) as server:
        endpoint = endpoint_at(server).model_copy(update={"api_key": None})
        await complete(endpoint, ask())

    [seen] = server.requests
    assert seen.key == "none"
    assert "canary" not in str(seen.headers)


async def test_a_closed_endpoint_can_be_opened_again(endpoint_at: EndpointAt, ask: Ask) -> None:
    with serve(say("Blue.")) as server:
        first = await complete(endpoint_at(server), ask())
        second = await complete(endpoint_at(server), ask())

    assert first.text == second.text
    assert len(server.requests) == 2


@pytest.mark.parametrize("wire", [Wire.OPENAI])
async def test_log_probabilities_come_back_as_bytes(endpoint_at: EndpointAt, ask: Ask) -> None:
    tokens = (TokenLogprob(b"\xe2\x82", -0.1, ((b"\xe2\x82", -0.1), (b"no", -2.5))),)
    with serve(answering(lambda seen: Answer("€", logprobs=tokens))) as server:
        reply = await complete(endpoint_at(server), ask(logprobs=2))

    assert reply.logprobs == tokens
    assert server.requests[0].body["top_logprobs"] == 2


@pytest.mark.parametrize("wire", [Wire.OPENAI])
async def test_a_server_that_ignores_logprobs_misses_a_capability(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(say("Blue.", usage=USED)) as server:
        error = await failure(endpoint_at(server), ask(logprobs=5), books)

    assert isinstance(error, MissingCapability)
    assert [USED] == [line.usage for line in books.lines]


@pytest.mark.parametrize("wire", [Wire.ANTHROPIC])
@pytest.mark.parametrize("wish", [{"temperature": 0.0}, {"logprobs": 5}])
async def test_anthropic_says_what_it_does_not_offer(endpoint_at: EndpointAt, ask: Ask, wish: dict[str, float]) -> None:
    with serve(say("Blue.")) as server:
        error = await failure(endpoint_at(server), ask(**wish))

    assert isinstance(error, MissingCapability)
    assert not server.requests


@pytest.mark.parametrize("wire", [Wire.ANTHROPIC])
async def test_anthropic_is_told_where_the_shared_part_ends(endpoint_at: EndpointAt, ask: Ask) -> None:
    with serve(say("Blue.")) as server:
        await complete(endpoint_at(server), ask(reasoning_effort="none"))

    [seen] = server.requests
    assert seen.body["system"][-1]["cache_control"] == {"type": "ephemeral", "ttl": "5m"}
    assert all("cache_control" not in block for said in seen.body["messages"] for block in said["content"])
    assert seen.body["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("wire", [Wire.OPENAI])
async def test_an_old_server_gets_the_words_it_knows(endpoint_at: EndpointAt, ask: Ask) -> None:
    schema = '{"properties":{"a":{"type":"string"}},"type":"object"}'
    with serve(say('{"a": "b"}')) as server:
        endpoint = endpoint_at(server, max_tokens_field="max_tokens", response_format="json_object")
        await complete(endpoint, ask(schema=schema, temperature=0.0, reasoning_effort="none"))

    body = server.requests[0].body
    assert (50, 0.0, "none") == (body["max_tokens"], body["temperature"], body["reasoning_effort"])
    assert "max_completion_tokens" not in body
    assert "store" not in body
    assert server.requests[0].schema == schema


@pytest.mark.parametrize("wire", [Wire.OPENAI])
async def test_a_server_that_counts_nothing_is_booked_at_the_worst(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()

    async def uncounted(seen: Seen) -> Response:
        return JSONResponse({"choices": [{"message": {"content": "Blue."}, "finish_reason": "stop"}]})

    with serve(uncounted) as server:
        reply = await complete(endpoint_at(server), ask(), books)

    assert reply.text == "Blue."
    assert reply.usage.output == 50
    assert books.cost > 0
