"""What the test server does with a request: answer, or fail in one of the ways that servers do."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from autointerp.domain.calls import Asked, Decided, Finish, Usage
from autointerp.llm import honest as reader
from autointerp.testing.wires import Answer, Seen, Wire, error, render

Behaviour = Callable[[Seen], Awaitable[Response]]


def answering(answer: Callable[[Seen], Answer | str]) -> Behaviour:
    """Answer with what the function says."""

    async def behave(seen: Seen) -> Response:
        said = answer(seen)
        return _answer(seen, said if isinstance(said, Answer) else Answer(said))

    return behave


def say(text: str, *, finish: Finish = Finish.STOP, usage: Usage | None = None) -> Behaviour:
    """Always answer `text`."""
    return answering(lambda seen: Answer(text, finish, usage))


def _honestly(seen: Seen) -> Answer:
    if seen.questions:
        return Answer("", decided=reader.decide(seen.messages, seen.questions))
    return Answer(reader.answer(seen.messages, seen.schema))


honest = answering(_honestly)


def deciding(decide: Callable[[Asked], float | None]) -> Behaviour:
    """Decide each question with this probability of yes; None: refuse it (a System One server leaves it out)."""
    return answering(
        lambda seen: Answer("", decided=tuple(Decided(asked.name, decide(asked)) for asked in seen.questions))
    )


def sending(body: object) -> Behaviour:
    """Send this JSON with status 200, whatever was asked."""

    async def behave(seen: Seen) -> Response:
        return JSONResponse(body)

    return behave


def truncated(text: str = '{"e00": tr', *, usage: Usage | None = None) -> Behaviour:
    """Stop in the middle, at max_tokens."""
    return say(text, finish=Finish.LENGTH, usage=usage)


def refusing(text: str = "I cannot help with that.", *, usage: Usage | None = None) -> Behaviour:
    """Refuse, with status 200, as models do."""
    return say(text, finish=Finish.REFUSAL, usage=usage)


def filtered(*, usage: Usage | None = None) -> Behaviour:
    """Have the answer withheld by a filter (an Anthropic server calls that a refusal)."""

    def answer(seen: Seen) -> Answer:
        return Answer("", Finish.FILTER if seen.wire is Wire.OPENAI else Finish.REFUSAL, usage)

    return answering(answer)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Take the behaviours one after the other; the last one stays."""
    turns = itertools.chain(behaviours, itertools.repeat(behaviours[-1]))

    async def behave(seen: Seen) -> Response:
        return await next(turns)(seen)

    return behave


def slow(seconds: float, then: Behaviour) -> Behaviour:
    """Wait before going on; longer than the client does, and it is a timeout."""

    async def behave(seen: Seen) -> Response:
        await asyncio.sleep(seconds)
        return await then(seen)

    return behave


def failing(status: int = 500, code: str = "server_error", message: str = "The server had an error.") -> Behaviour:
    """Answer with an error status."""
    return _error(status, code, message, {})


def rate_limited(retry_after: float | None = None) -> Behaviour:
    """429, with Retry-After if given."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return _error(429, "rate_limit_error", "Too many requests.", headers)


def overloaded(retry_after: float | None = None) -> Behaviour:
    """529, as an overloaded server says."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return _error(529, "overloaded_error", "Overloaded.", headers)


def wrong_key() -> Behaviour:
    """401; the message repeats the key, as some servers' do."""

    async def behave(seen: Seen) -> Response:
        message = f"Incorrect API key provided: {seen.key}."
        return JSONResponse(error(seen, 401, "authentication_error", message), 401)

    return behave


def unknown_model() -> Behaviour:
    """404 for the model."""
    return _error(404, "model_not_found", "The model does not exist.", {})


def quota_spent() -> Behaviour:
    """The account is out of money: a 429 that no waiting helps."""

    async def behave(seen: Seen) -> Response:
        code = "insufficient_quota" if seen.wire is Wire.OPENAI else "enforced_spend_limit_reached"
        return JSONResponse(error(seen, 429, code, "No credit left."), 429, {"retry-after": "1"})

    return behave


def redirecting(url: str) -> Behaviour:
    """307: send the request on to another address."""

    async def behave(seen: Seen) -> Response:
        return RedirectResponse(url, 307)

    return behave


def html() -> Behaviour:
    """A proxy's page, with status 200."""

    async def behave(seen: Seen) -> Response:
        return HTMLResponse("<!doctype html><html><body>Please sign in.</body></html>")

    return behave


def error_with_200(message: str = "The engine died.") -> Behaviour:
    """An error object, with status 200."""

    async def behave(seen: Seen) -> Response:
        return JSONResponse({"error": {"message": message, "type": "server_error", "code": None}})

    return behave


def broken_json() -> Behaviour:
    """Half of an answer's JSON, with status 200."""

    async def behave(seen: Seen) -> Response:
        whole = bytes(_answer(seen, Answer("half")).body)
        return Response(whole[: len(whole) // 2], media_type="application/json")

    return behave


def wrong_shape(*, usage: Usage | None = None) -> Behaviour:
    """An answer whose content has the wrong type, but whose usage can be read."""

    async def behave(seen: Seen) -> Response:
        spelled = render(seen, Answer("lost", usage=usage))
        spelled[next(name for name in ("choices", "content", "answers") if name in spelled)] = "not a list"
        return JSONResponse(spelled)

    return behave


def broken_off() -> Behaviour:
    """Begin to answer and break the connection."""

    async def behave(seen: Seen) -> Response:
        return Response(b'{"id": "half', headers={"content-length": "1000"}, media_type="application/json")

    return behave


def _answer(seen: Seen, answer: Answer) -> Response:
    header = "x-request-id" if seen.wire is Wire.OPENAI else "request-id"
    return JSONResponse(render(seen, answer), headers={header: f"req_{seen.number}"})


def _error(status: int, code: str, message: str, headers: dict[str, str]) -> Behaviour:
    async def behave(seen: Seen) -> Response:
        return JSONResponse(error(seen, status, code, message), status, headers)

    return behave
