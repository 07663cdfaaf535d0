"""A refusal of everybody ends what is asked together, and no call beside it is booked as more than it cost."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.responses import Response

from autointerp.domain.calls import Finish, Reply, Request, Usage
from autointerp.domain.ledger import AttemptStatus
from autointerp.errors import AutointerpError
from autointerp.llm import estimate
from autointerp.llm.asking import at_once
from autointerp.llm.base import Endpoint, EndpointRefused, QuotaSpent, WrongKey
from autointerp.llm.budget import Purse
from autointerp.llm.landing import Refusals
from autointerp.llm.memory import MemoryAllowance, MemoryBooks
from autointerp.llm.meter import Metered
from autointerp.llm.prices import Price
from autointerp.llm.stack import open_llm
from autointerp.testing import Behaviour, quota_spent, rate_limited, say, serve, slow, wrong_key
from autointerp.testing.wires import Seen

EndpointAt = Callable[..., Endpoint]
Ask = Callable[..., Request]

DOLLAR = Price.model_validate({"input": 1, "output": 1})


@pytest.mark.parametrize(("refusal", "kind"), [(wrong_key(), WrongKey), (quota_spent(), QuotaSpent)])
async def test_calls_beside_one_whose_key_or_account_is_refused_cost_what_they_cost(
    endpoint_at: EndpointAt, ask: Ask, refusal: Behaviour, kind: type[EndpointRefused]
) -> None:
    allowance = MemoryAllowance(cost_cap=10**9)
    books = MemoryBooks({"r": allowance})
    with serve(_first(refusal, slow(0.05, refusal))) as server:
        async with open_llm([endpoint_at(server)], run="r", books=books) as llm:
            with pytest.raises(kind):
                await at_once(llm.complete(_unshared(ask(f"{i}"))) for i in range(8))

    assert len(server.requests) == len(books.lines) > 1
    assert {AttemptStatus.FAILED} == {line.status for line in books.lines}
    assert (0, 0, 0) == (books.cost, allowance.spent_cost, allowance.reserved_cost)


async def test_an_answer_that_lands_after_the_refusal_is_paid_for_and_kept(endpoint_at: EndpointAt, ask: Ask) -> None:
    allowance = MemoryAllowance(cost_cap=10**9)
    books = MemoryBooks({"r": allowance})
    taken_before = slow(0.05, say("Blue.", usage=Usage(input=10, output=1)))
    with serve(_first(quota_spent(), taken_before)) as server:
        async with open_llm([endpoint_at(server)], run="r", books=books) as llm:
            with pytest.raises(QuotaSpent):
                await at_once(llm.complete(_unshared(ask(f"{i}"))) for i in range(2))

    assert [AttemptStatus.FAILED, AttemptStatus.ANSWERED] == [line.status for line in books.lines]
    assert 12_000 == books.cost == allowance.spent_cost
    assert ["Blue."] == [reply.text for reply in books.kept.values()]


async def test_a_call_that_does_not_land_may_have_been_billed(ask: Ask) -> None:
    allowance, books = _books()
    refusals = Refusals(patience=0.01)
    refusals.note()
    endless = _Endless()
    call = asyncio.create_task(_metered(endless, books, refusals).attempt(ask(), 1))
    await endless.asked.wait()

    call.cancel()
    await asyncio.wait([call])

    assert [AttemptStatus.CANCELLED] == [line.status for line in books.lines]
    assert estimate.worst(ask()) == books.lines[0].usage
    assert 0 < books.cost == allowance.spent_cost


async def test_where_nobody_was_refused_a_cancelled_call_is_not_waited_for(ask: Ask) -> None:
    _, books = _books()
    endless = _Endless()
    call = asyncio.create_task(_metered(endless, books, Refusals(patience=60)).attempt(ask(), 1))
    await endless.asked.wait()

    call.cancel()
    await asyncio.wait([call], timeout=30)

    assert call.cancelled()
    assert [AttemptStatus.CANCELLED] == [line.status for line in books.lines]


async def test_a_call_that_is_landing_ends_at_once_when_it_is_cancelled_again(ask: Ask) -> None:
    allowance, books = _books()
    refusals = Refusals(patience=60)
    refusals.note()
    endless = _Endless()
    call = asyncio.create_task(_metered(endless, books, refusals).attempt(ask(), 1))
    await endless.asked.wait()

    call.cancel()
    await asyncio.wait([call], timeout=0.01)
    landing = not call.done()
    call.cancel()
    await asyncio.wait([call], timeout=30)

    assert landing
    assert call.cancelled()
    assert books.cost == allowance.spent_cost > 0


async def test_the_books_agree_where_an_endpoint_refuses_everybody_in_between(
    endpoint_at: EndpointAt, ask: Ask
) -> None:
    allowance = MemoryAllowance(cost_cap=10**9, token_cap=10**7)
    books = MemoryBooks({"r": allowance})
    chance = random.Random(7)
    with serve(_moody(chance)) as server:
        async with open_llm([endpoint_at(server)], run="r", books=books) as llm:
            groups = [
                asyncio.create_task(at_once([llm.complete(_unshared(ask(f"{group}/{i}"))) for i in range(8)]))
                for group in range(25)
            ]
            await asyncio.sleep(0.1)
            for group in chance.sample(groups, 5):
                group.cancel()
            ends = await asyncio.gather(*groups, return_exceptions=True)

    assert all(isinstance(end, list | AutointerpError | asyncio.CancelledError) for end in ends)
    assert any(isinstance(end, EndpointRefused) for end in ends)
    assert books.cost == allowance.spent_cost
    assert books.tokens == allowance.spent_tokens
    assert (0, 0) == (allowance.reserved_cost, allowance.reserved_tokens)


class _Endless:
    """Never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def complete(self, request: Request) -> Reply:
        self.asked.set()
        await asyncio.Event().wait()
        return Reply("", Finish.STOP, Usage(), request.model, "")


def _books() -> tuple[MemoryAllowance, MemoryBooks]:
    allowance = MemoryAllowance(cost_cap=10**9)
    return allowance, MemoryBooks({"r": allowance})


def _metered(endless: _Endless, books: MemoryBooks, refusals: Refusals) -> Metered:
    return Metered(endless, DOLLAR, books, Purse(books.allowances["r"]), "r", refusals)


def _unshared(request: Request) -> Request:
    """Nothing of it warms a prompt cache, so that all are sent at once."""
    return replace(request, messages=request.messages[1:])


def _first(first: Behaviour, others: Behaviour) -> Behaviour:
    came = iter([first])

    async def behave(seen: Seen) -> Response:
        return await next(came, others)(seen)

    return behave


def _moody(chance: random.Random) -> Behaviour:
    moods = [say("Blue.")] * 12 + [rate_limited(0), wrong_key(), quota_spent()]

    async def behave(seen: Seen) -> Response:
        await asyncio.sleep(chance.uniform(0, 0.05))
        return await chance.choice(moods)(seen)

    return behave
