"""The limiter and the retries, on their own."""

import asyncio
import time

import pytest

from autointerp.domain.calls import Finish, Message, Reply, Request, Role, Usage
from autointerp.llm.base import (
    CallFailed,
    Malformed,
    Overloaded,
    Policy,
    QuotaSpent,
    RateLimited,
    Said,
    ServerFailed,
    TimedOut,
    WrongKey,
)
from autointerp.llm.limits import AT_A_TURN, Limited, Limiter
from autointerp.llm.retry import Retrying

REQUEST = Request("main", "m", (Message(Role.USER, "?"),), max_tokens=5)
REPLY = Reply("!", Finish.STOP, Usage(), "m", "")
QUICK = Policy(attempts=4, wait_initial=0.001, wait_max=0.002, wait_jitter=0.0)


class Script:
    """Fails with each error in turn, then answers; counts how many are in flight."""

    def __init__(self, *errors: CallFailed, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.seconds = seconds
        self.numbers: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self.asked = asyncio.Event()

    async def attempt(self, request: Request, number: int) -> Reply:
        self.numbers.append(number)
        self.asked.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        if self.errors:
            raise self.errors.pop(0)
        return REPLY


async def test_no_more_than_the_limit_are_in_flight() -> None:
    script = Script(seconds=0.005)
    limited = Limited(script, Limiter(Policy(concurrency=3, max_concurrency=3)))
    await asyncio.gather(*(limited.attempt(REQUEST, 1) for _ in range(20)))

    assert script.most_at_once == 3
    assert len(script.numbers) == 20


async def test_the_limit_doubles_each_round_until_the_server_refuses() -> None:
    limiter = Limiter(Policy(concurrency=8))
    limited = Limited(Script(), limiter)
    for _ in range(8):
        await limited.attempt(REQUEST, 1)

    assert limiter.limit == 16


async def test_after_a_refusal_the_limit_grows_by_one_a_round() -> None:
    limiter = Limiter(Policy(concurrency=10))
    with pytest.raises(RateLimited):
        await Limited(Script(RateLimited("slow down")), limiter).attempt(REQUEST, 1)
    for _ in range(7):
        await Limited(Script(), limiter).attempt(REQUEST, 1)

    assert 7.9 < limiter.limit <= 8


async def test_the_limit_never_passes_its_maximum() -> None:
    limiter = Limiter(Policy(concurrency=2, max_concurrency=2))
    limited = Limited(Script(), limiter)
    for _ in range(20):
        await limited.attempt(REQUEST, 1)

    assert limiter.limit == 2


@pytest.mark.parametrize("kind", [RateLimited, Overloaded])
async def test_a_burst_of_refusals_cuts_the_limit_once(kind: type[CallFailed]) -> None:
    limiter = Limiter(Policy(concurrency=10))
    limited = Limited(Script(*(kind("slow down") for _ in range(10)), seconds=0.005), limiter)
    await asyncio.gather(*(limited.attempt(REQUEST, 1) for _ in range(10)), return_exceptions=True)

    assert limiter.limit == pytest.approx(7)


async def test_a_second_burst_cuts_it_again_but_never_below_one() -> None:
    limiter = Limiter(Policy(concurrency=2))
    limited = Limited(Script(*(RateLimited("slow down") for _ in range(30))), limiter)
    for _ in range(30):
        with pytest.raises(RateLimited):
            await limited.attempt(REQUEST, 1)

    assert limiter.limit == 1


async def test_another_failure_does_not_cut_the_limit() -> None:
    limiter = Limiter(Policy(concurrency=8))
    with pytest.raises(ServerFailed):
        await Limited(Script(ServerFailed("oh")), limiter).attempt(REQUEST, 1)

    assert limiter.limit == 8


async def test_nobody_starts_before_retry_after_is_over() -> None:
    limiter = Limiter(Policy())
    limited = Limited(Script(RateLimited("slow down", Said(retry_after=0.1))), limiter)
    with pytest.raises(RateLimited):
        await limited.attempt(REQUEST, 1)
    before = time.monotonic()
    await asyncio.gather(*(limited.attempt(REQUEST, 1) for _ in range(3)))

    assert time.monotonic() - before >= 0.09


async def test_a_cancelled_waiter_gives_its_turn_to_the_next() -> None:
    limited = Limited(Script(seconds=0.02), Limiter(Policy(concurrency=1, max_concurrency=1)))
    calls = [asyncio.create_task(limited.attempt(REQUEST, 1)) for _ in range(4)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.sleep(0)
    calls[1].cancel()
    ends = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)

    assert [REPLY, REPLY] == ends[2:]


@pytest.mark.parametrize("kind", [RateLimited, Overloaded, ServerFailed, TimedOut])
async def test_what_may_pass_is_tried_again(kind: type[CallFailed]) -> None:
    script = Script(kind("oh"), kind("oh"))

    assert await Retrying(script, QUICK).complete(REQUEST) is REPLY
    assert [1, 2, 3] == script.numbers


@pytest.mark.parametrize("kind", [QuotaSpent, WrongKey])
async def test_what_cannot_pass_is_not_tried_again(kind: type[CallFailed]) -> None:
    script = Script(kind("no"))
    with pytest.raises(kind):
        await Retrying(script, QUICK).complete(REQUEST)

    assert [1] == script.numbers


async def test_a_malformed_reply_is_asked_for_once_more_only() -> None:
    script = Script(*(Malformed("html") for _ in range(5)))
    with pytest.raises(Malformed):
        await Retrying(script, QUICK).complete(REQUEST)

    assert [1, 2] == script.numbers


async def test_the_next_attempt_waits_as_long_as_the_server_asks() -> None:
    script = Script(ServerFailed("oh", Said(retry_after=0.1)))
    before = time.monotonic()
    await Retrying(script, QUICK).complete(REQUEST)

    assert time.monotonic() - before >= 0.09


async def test_a_retry_after_beyond_the_cap_is_cut() -> None:
    policy = QUICK.model_copy(update={"retry_after_cap": 0.01})
    script = Script(RateLimited("slow down", Said(retry_after=4_000_000)))
    before = time.monotonic()
    await Retrying(Limited(script, Limiter(policy)), policy).complete(REQUEST)

    assert 0.009 <= time.monotonic() - before < 5


async def test_sleeping_between_attempts_holds_no_slot() -> None:
    policy = QUICK.model_copy(update={"wait_initial": 30, "wait_max": 30})
    limiter = Limiter(Policy(concurrency=1, max_concurrency=1))
    script = Script(ServerFailed("oh"))
    sleeping = asyncio.create_task(Retrying(Limited(script, limiter), policy).complete(REQUEST))
    await script.asked.wait()
    await asyncio.wait_for(Limited(Script(), limiter).attempt(REQUEST, 1), 10)
    sleeping.cancel()
    await asyncio.wait([sleeping])

    assert limiter.in_flight == 0


async def test_of_many_let_go_at_once_the_first_is_sent_before_the_last_is_made_ready() -> None:
    limiter = Limiter(Policy(concurrency=100, max_concurrency=100))
    happened: list[tuple[str, int]] = []

    async def one(number: int) -> None:
        async with limiter.slot():
            happened.append(("ready", number))
            await asyncio.sleep(0)
            happened.append(("sent", number))

    await asyncio.gather(*(one(number) for number in range(100)))

    ready = [number for what, number in happened if what == "ready"]
    assert ready == sorted(ready)
    assert happened.index(("sent", 0)) < happened.index(("ready", 2 * AT_A_TURN))


async def test_who_gives_up_at_the_door_holds_nobody_up() -> None:
    limiter = Limiter(Policy(concurrency=100, max_concurrency=100))
    passed: list[int] = []

    async def one(number: int) -> None:
        async with limiter.slot():
            passed.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(40)]
    await asyncio.sleep(0)
    for task in tasks[AT_A_TURN:30]:
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=5)

    assert passed == [*range(AT_A_TURN), *range(30, 40)]
    assert limiter.in_flight == 0
