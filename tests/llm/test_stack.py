"""The layer as a whole: nothing paid twice, nothing lost, and nothing after the budget is spent."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from autointerp.domain.calls import Finish, Reply, Request, Usage
from autointerp.domain.ledger import Attempt, AttemptStatus, Funds, Hold, Reserved
from autointerp.errors import InvalidSpec, LLMError, OutOfBudget
from autointerp.llm import estimate
from autointerp.llm.base import Endpoint, Policy, ServerFailed
from autointerp.llm.budget import Bound, Purse, Withheld
from autointerp.llm.memory import MemoryAllowance, MemoryBooks
from autointerp.llm.prices import Price
from autointerp.llm.providers.fake import finished
from autointerp.llm.stack import open_gateway, open_llm
from autointerp.testing import (
    Behaviour,
    TestServer,
    broken_json,
    failing,
    rate_limited,
    refusing,
    say,
    serve,
    slow,
    truncated,
    wrong_shape,
)

EndpointAt = Callable[..., Endpoint]
Ask = Callable[..., Request]

DOLLAR = Price.model_validate({"input": 1, "output": 1})
ONE_ATTEMPT = Policy(attempts=1)


def fake(answer: Callable[[Request], Any], *, policy: Policy = ONE_ATTEMPT, price: Price | None = None) -> Endpoint:
    return Endpoint(name="main", provider="fake", options={"answer": answer}, policy=policy, price=price)


async def test_fifty_identical_requests_at_once_are_one(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(slow(0.05, say("Blue."))) as server:
        async with open_llm([endpoint_at(server)], run="r", books=books) as llm:
            replies = await asyncio.gather(*(llm.complete(ask()) for _ in range(50)))

    assert len(server.requests) == 1
    assert {"Blue."} == {reply.text for reply in replies}
    assert 49 == sum(reply.cached for reply in replies)
    assert 49 == sum(line.status is AttemptStatus.CACHED for line in books.lines)
    assert books.cost == replies[0].cost


@pytest.mark.parametrize("answer", [say("Blue."), refusing(), truncated()])
async def test_an_answer_is_never_bought_again(endpoint_at: EndpointAt, ask: Ask, answer: Behaviour) -> None:
    books = MemoryBooks()
    with serve(answer) as server:
        for run in ("first", "second"):
            async with open_llm([endpoint_at(server)], run=run, books=books) as llm:
                last = await llm.complete(ask())

    assert len(server.requests) == 1
    assert last.cached


async def test_a_failure_is_not_kept(endpoint_at: EndpointAt, ask: Ask) -> None:
    books = MemoryBooks()
    with serve(failing(400)) as server:
        async with open_llm([endpoint_at(server)], run="r", books=books) as llm:
            with pytest.raises(LLMError):
                await llm.complete(ask())
            server.behaviour = say("Blue.")
            reply = await llm.complete(ask())

    assert reply.text == "Blue."
    assert not reply.cached


async def test_the_books_agree_under_faults_and_cancellation(endpoint_at: EndpointAt, ask: Ask) -> None:
    allowance = MemoryAllowance(cost_cap=10**9, token_cap=10**7)
    books = MemoryBooks({"r": allowance})
    chance = random.Random(7)
    with serve(_moody(chance)) as server:
        endpoint = endpoint_at(server, policy=_patient(concurrency=64), timeout=0.3)
        async with open_llm([endpoint], run="r", books=books) as llm:
            calls = [asyncio.create_task(llm.complete(ask(f"Colour {i}?"))) for i in range(200)]
            await asyncio.sleep(0.15)
            for call in chance.sample(calls, 40):
                call.cancel()
            ends = await asyncio.gather(*calls, return_exceptions=True)

    assert books.cost == allowance.spent_cost > 0
    assert books.tokens == allowance.spent_tokens
    assert (0, 0) == (allowance.reserved_cost, allowance.reserved_tokens)
    assert all(isinstance(end, Reply | LLMError | asyncio.CancelledError) for end in ends)
    statuses = {line.status for line in books.lines}
    assert {AttemptStatus.ANSWERED, AttemptStatus.RATE_LIMITED, AttemptStatus.MALFORMED} <= statuses
    assert len(server.requests) <= len(books.lines)


def _patient(**fields: Any) -> Policy:
    return Policy.model_validate(
        {"attempts": 3, "wait_initial": 0.001, "wait_max": 0.002, "wait_jitter": 0, "retry_after_cap": 0.01, **fields}
    )


def _moody(chance: random.Random) -> Behaviour:
    moods = [say("Blue.")] * 6 + [rate_limited(1), failing(500), broken_json(), wrong_shape(), refusing()]
    moods.append(slow(2, say("Too late.")))

    async def behave(seen: Any) -> Any:
        await asyncio.sleep(chance.uniform(0, 0.05))
        return await chance.choice(moods)(seen)

    return behave


async def test_no_call_starts_after_the_budget_is_spent(ask: Ask) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Reply:
        asked.append(request.key)
        await asyncio.sleep(0)
        return Reply("Blue.", Finish.STOP, Usage(input=10, output=40), request.model, "")

    allowance = MemoryAllowance(cost_cap=50 * 1000 * 10)
    books = MemoryBooks({"r": allowance})
    async with open_llm([fake(answer, price=DOLLAR)], run="r", books=books) as llm:
        ends = await asyncio.gather(*(llm.complete(ask(f"{i}")) for i in range(100)), return_exceptions=True)

    bound = estimate.worst(ask("0")).total * 1000
    refused = [end for end in ends if isinstance(end, OutOfBudget)]
    assert len(asked) + len(refused) == 100
    assert allowance.spent_cost <= 50 * 1000 * 10 < allowance.spent_cost + bound
    assert books.cost == allowance.spent_cost
    assert "budget" in str(refused[0])


async def test_a_budget_is_used_up_although_much_is_set_aside_at_once(ask: Ask) -> None:
    """The worst case of every call is five times its cost, and all start together: each gets its turn."""

    async def answer(request: Request) -> Reply:
        await asyncio.sleep(0.001)
        return Reply("Blue.", Finish.STOP, Usage(output=10), request.model, "")

    worst = estimate.worst(ask("00", max_tokens=100)).total
    allowance = MemoryAllowance(token_cap=worst + 19 * 10)
    books = MemoryBooks({"r": allowance})
    async with open_llm([fake(answer)], run="r", books=books) as llm:
        replies = await asyncio.gather(*(llm.complete(ask(f"{i:02}", max_tokens=100)) for i in range(20)))

    assert len(replies) == 20
    assert allowance.spent_tokens == 200


async def test_the_parts_of_one_run_wait_for_what_the_others_have_set_aside(ask: Ask) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: Request) -> Reply:
        asked.set()
        await go_on.wait()
        return Reply("Blue.", Finish.STOP, Usage(output=1), request.model, "")

    allowance = MemoryAllowance(token_cap=estimate.worst(ask("0")).total + 1)
    async with open_gateway([fake(answer)], books=MemoryBooks({"r": allowance})) as gateway:
        first = asyncio.create_task(gateway.for_run("r").complete(ask("0")))
        await asked.wait()
        second = asyncio.create_task(gateway.for_run("r").complete(ask("1")))
        await asyncio.wait([second], timeout=0.01)
        go_on.set()
        replies = await asyncio.gather(first, second)

    assert [reply.text for reply in replies] == ["Blue."] * 2
    assert (allowance.spent_tokens, allowance.reserved_tokens) == (2, 0)


async def test_a_call_waits_for_what_another_worker_has_set_aside() -> None:
    allowance = MemoryAllowance(token_cap=100)
    bound = Bound(Usage(output=60), cost=None)
    await allowance.reserve(Reserved(cost=0, tokens=60))

    taking = asyncio.create_task(Purse(allowance).take(bound))
    await asyncio.wait([taking], timeout=0.01)
    allowance.settle(Reserved(cost=0, tokens=60), cost=0, tokens=10)
    await taking

    assert (allowance.spent_tokens, allowance.reserved_tokens) == (10, 60)


async def test_a_budget_that_stands_still_is_not_waited_for_for_ever() -> None:
    allowance = MemoryAllowance(token_cap=100)
    await allowance.reserve(Reserved(cost=0, tokens=60))

    with pytest.raises(OutOfBudget, match=r"other workers or batches have under way.* resume the run"):
        await Purse(allowance, patience=0).take(Bound(Usage(output=60), cost=None))


async def test_what_batches_have_set_aside_is_not_waited_for() -> None:
    class Batched(MemoryAllowance):
        async def funds(self) -> Funds:
            return replace(await MemoryAllowance.funds(self), batched=Reserved(cost=0, tokens=50))

    allowance = Batched(token_cap=100)
    await allowance.reserve(Reserved(cost=0, tokens=60))

    with pytest.raises(Withheld, match="beside the run's open batches"):
        await Purse(allowance).take(Bound(Usage(output=60), cost=None))
    with pytest.raises(OutOfBudget, match="other workers"):  # who may give back enough without the batches
        await Purse(allowance, patience=0).take(Bound(Usage(output=45), cost=None))


async def test_a_spent_budget_is_told_at_once_whatever_is_set_aside() -> None:
    allowance = MemoryAllowance(token_cap=100, spent_tokens=50)
    await allowance.reserve(Reserved(cost=0, tokens=40))

    with pytest.raises(OutOfBudget, match=r"does not hold the next call \(60 tokens at most"):
        await Purse(allowance).take(Bound(Usage(output=60), cost=None))


async def test_of_the_calls_that_wait_for_other_workers_only_the_first_looks() -> None:
    class Counting(MemoryAllowance):
        asked = 0

        async def reserve(self, wanted: Reserved) -> Hold | None:
            Counting.asked += 1
            return await MemoryAllowance.reserve(self, wanted)

    allowance = Counting(token_cap=100)
    other = await allowance.reserve(Reserved(cost=0, tokens=60))
    purse, bound = Purse(allowance), Bound(Usage(output=50), cost=None)

    async def call() -> None:
        await purse.give_back(await purse.take(bound))

    calls = [asyncio.create_task(call()) for _ in range(20)]
    await asyncio.wait(calls, timeout=0.01)
    asked = Counting.asked
    assert other is not None
    calls.pop(0).cancel()
    await allowance.give_back(other)
    await asyncio.gather(*calls)

    assert asked == 1 + 20 + 1  # the other's, each call's own at once, and that of the first in line
    assert (purse.in_flight, allowance.reserved_tokens) == (0, 0)


async def test_a_hit_needs_no_budget(ask: Ask) -> None:
    books = MemoryBooks({"b": MemoryAllowance(cost_cap=0)})
    endpoint = fake(lambda request: "Blue.", price=DOLLAR)
    async with open_llm([endpoint], run="a", books=books) as llm:
        await llm.complete(ask())
    async with open_llm([endpoint], run="b", books=books) as llm:
        reply = await llm.complete(ask())

    assert reply.cached


async def test_one_run_out_of_budget_does_not_stop_another_that_waits_for_the_same_reply(ask: Ask) -> None:
    started = asyncio.Event()

    class SlowAllowance(MemoryAllowance):
        async def reserve(self, wanted: Reserved) -> Hold | None:
            started.set()
            await asyncio.sleep(0.01)
            return await MemoryAllowance.reserve(self, wanted)

    books = MemoryBooks({"poor": SlowAllowance(token_cap=0), "rich": MemoryAllowance()})
    async with open_gateway([fake(lambda request: "Blue.")], books=books) as gateway:
        poor = asyncio.create_task(gateway.for_run("poor").complete(ask()))
        await started.wait()
        rich = await gateway.for_run("rich").complete(ask())
        with pytest.raises(OutOfBudget):
            await poor

    assert rich.text == "Blue."


async def test_a_request_goes_on_while_anyone_waits_for_it(ask: Ask) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: Request) -> str:
        asked.set()
        await go_on.wait()
        return "Blue."

    books = MemoryBooks()
    async with open_llm([fake(answer)], run="r", books=books) as llm:
        first = asyncio.create_task(llm.complete(ask()))
        second = asyncio.create_task(llm.complete(ask()))
        await asked.wait()
        first.cancel()
        await asyncio.wait([first])
        go_on.set()
        reply = await second

    assert reply.text == "Blue."
    assert first.cancelled()
    assert [AttemptStatus.ANSWERED, AttemptStatus.CACHED] == [line.status for line in books.lines]


async def test_a_cancelled_call_is_booked_before_the_caller_goes_on(ask: Ask) -> None:
    asked = asyncio.Event()

    async def answer(request: Request) -> str:
        asked.set()
        await asyncio.sleep(60)
        return "never"

    class SlowBooks(MemoryBooks):
        async def book(self, attempt: Attempt, **with_it: Any) -> None:
            await asyncio.sleep(0.01)
            await MemoryBooks.book(self, attempt, **with_it)

    allowance = MemoryAllowance(token_cap=10_000)
    books = SlowBooks({"r": allowance})
    async with open_llm([fake(answer, price=DOLLAR)], run="r", books=books) as llm:
        call = asyncio.create_task(llm.complete(ask()))
        await asked.wait()
        call.cancel()
        await asyncio.wait([call])
        [line] = books.lines

    assert call.cancelled()
    assert line.status is AttemptStatus.CANCELLED
    assert line.usage == estimate.worst(ask())
    assert (line.usage.total, 0) == (allowance.spent_tokens, allowance.reserved_tokens)
    assert line.cost == allowance.spent_cost > 0


async def test_a_call_cancelled_while_its_reply_is_booked_is_booked_to_the_end(ask: Ask) -> None:
    booking = asyncio.Event()

    class SlowBooks(MemoryBooks):
        async def book(self, attempt: Attempt, **with_it: Any) -> None:
            booking.set()
            await asyncio.sleep(0.01)
            await MemoryBooks.book(self, attempt, **with_it)

    allowance = MemoryAllowance(token_cap=10_000)
    books = SlowBooks({"r": allowance})
    async with open_llm([fake(lambda request: "Blue.")], run="r", books=books) as llm:
        call = asyncio.create_task(llm.complete(ask()))
        await booking.wait()
        call.cancel()
        await asyncio.wait([call])

    assert [AttemptStatus.ANSWERED] == [line.status for line in books.lines]
    assert (books.tokens, 0) == (allowance.spent_tokens, allowance.reserved_tokens)


async def test_a_reply_that_stopped_for_no_reason_we_know_is_not_kept(ask: Ask) -> None:
    def answer(request: Request) -> Reply:
        return Reply("", Finish.OTHER, Usage(), request.model, "")

    books = MemoryBooks()
    async with open_llm([fake(answer)], run="r", books=books) as llm:
        await llm.complete(ask())
        await llm.complete(ask())

    assert [AttemptStatus.ANSWERED] * 2 == [line.status for line in books.lines]


async def test_books_that_fail_still_gives_back_what_was_set_aside(ask: Ask) -> None:
    class Torn(MemoryBooks):
        async def book(self, attempt: Attempt, **with_it: Any) -> None:
            raise OSError("no space left on device")

    allowance = MemoryAllowance(token_cap=10_000)
    async with open_llm([fake(lambda request: "Blue.")], run="r", books=Torn({"r": allowance})) as llm:
        with pytest.raises(OSError, match="no space"):
            await llm.complete(ask())

    assert allowance.reserved_tokens == 0


async def test_an_unknown_price_is_unknown_in_the_books(ask: Ask) -> None:
    books = MemoryBooks()
    with serve(say("Blue.")) as server:
        endpoint = _unpriced(server)
        async with open_llm([endpoint], run="r", books=books) as llm:
            reply = await llm.complete(ask())

    assert reply.cost is None
    assert [None] == [line.cost for line in books.lines]


def _unpriced(server: TestServer) -> Endpoint:
    return Endpoint(name="main", provider="openai", base_url=server.openai_url)


async def test_an_unknown_endpoint_is_told_which_there_are(ask: Ask) -> None:
    async with open_llm([fake(lambda request: "x")], run=None, books=MemoryBooks()) as llm:
        with pytest.raises(InvalidSpec, match="no LLM endpoint 'other'; there are main"):
            await llm.complete(ask(endpoint="other"))


async def test_an_unknown_provider_is_told_which_there_are(ask: Ask) -> None:
    endpoint = Endpoint(name="main", provider="opnai")
    async with open_llm([endpoint], run=None, books=MemoryBooks()) as llm:
        with pytest.raises(InvalidSpec, match="anthropic, fake, openai, recorded"):
            await llm.complete(ask())


async def test_a_programmers_error_is_booked_and_raised(ask: Ask) -> None:
    def answer(request: Request) -> str:
        raise ZeroDivisionError

    books = MemoryBooks()
    async with open_llm([fake(answer)], run="r", books=books) as llm:
        with pytest.raises(ZeroDivisionError):
            await llm.complete(ask())

    assert [AttemptStatus.FAILED] == [line.status for line in books.lines]


async def test_joined_callers_all_hear_of_the_failure(ask: Ask) -> None:
    async def answer(request: Request) -> Reply:
        await asyncio.sleep(0.01)
        raise ServerFailed("the server failed")

    async with open_llm([fake(answer)], run="r", books=MemoryBooks()) as llm:
        ends = await asyncio.gather(*(llm.complete(ask()) for _ in range(5)), return_exceptions=True)

    assert [ServerFailed] * 5 == [type(end) for end in ends]


def test_a_text_from_a_function_is_a_finished_reply(ask: Ask) -> None:
    reply = finished(ask(), "Blue.")

    assert (Finish.STOP, "Blue.", "m-1") == (reply.finish, reply.text, reply.model)
    assert reply.usage.total > 0
