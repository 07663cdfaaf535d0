"""Asking for JSON: the answer, or why there is none; asked once more where another reply may be readable."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from autointerp.domain.calls import Complete, Reply, Request
from autointerp.domain.explanations import Unread, UnreadKind
from autointerp.errors import Deferred
from autointerp.llm.base import BadRequest, Malformed, MissingCapability
from autointerp.llm.replies import read_json

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

# What another draw may mend; a refusal or a limit is met again.
AGAIN = frozenset(
    {
        UnreadKind.EMPTY,
        UnreadKind.PROSE,
        UnreadKind.UNPARSABLE,
        UnreadKind.WRONG_COUNT,
        UnreadKind.DUPLICATE,
        UnreadKind.NOT_A_NUMBER,
        UnreadKind.OUT_OF_RANGE,
        UnreadKind.TOO_LONG,
    }
)


@dataclass(frozen=True, slots=True)
class Heard(Generic[M]):
    """What was read of a reply, with the reply and the request that it answers."""

    value: M
    reply: Reply
    request: Request


async def ask_json(llm: Complete, request: Request, model: type[M]) -> Heard[M] | Unread:
    """Ask, and ask once more, as another draw, where the reply cannot be read but another might.

    A request that the endpoint refuses for itself, and a reply that is not what the wire promises (which the layers
    below have asked for again), are unread. Other failures, a missing capability among them, are the caller's.
    """
    heard = await _ask(llm, request, model)
    if isinstance(heard, Unread) and heard.kind in AGAIN:
        return await _ask(llm, replace(request, sample=request.sample + 1), model)
    return heard


async def ask(llm: Complete, request: Request) -> Reply | Unread:
    """Ask once. What is unread and what is raised is as for `ask_json`."""
    try:
        return await llm.complete(request)
    except MissingCapability:
        raise
    except BadRequest as error:
        return Unread(UnreadKind.FAILED, error.detail, error.said.raw, request.key)
    except Malformed as error:
        return Unread(UnreadKind.MALFORMED, error.detail, error.said.raw, request.key)


async def at_once(asking: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for all, in their order (the LLM layer limits them); the first failure ends the rest and is raised.

    Deferred is no failure: the rest still ask, so that all they need comes with the same batch, and then it is raised.
    """
    tasks: list[asyncio.Task[T | Deferred]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_patiently(one)) for one in asking]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    results: list[T] = []
    for result in (task.result() for task in tasks):
        if isinstance(result, Deferred):
            raise result
        results.append(result)
    return results


async def _patiently(asking: Coroutine[Any, Any, T]) -> T | Deferred:
    try:
        return await asking
    except Deferred as error:
        return error


async def _ask(llm: Complete, request: Request, model: type[M]) -> Heard[M] | Unread:
    reply = await ask(llm, request)
    if isinstance(reply, Unread):
        return reply
    read = read_json(reply, model, request=request.key)
    return read if isinstance(read, Unread) else Heard(read, reply, request)
