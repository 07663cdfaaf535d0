"""Requests and tokens a minute."""

import asyncio
import time

import pytest

from autointerp.domain.calls import Finish, Message, Reply, Request, Role, Usage
from autointerp.llm.base import Policy
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.pace import ANSWER, Pace, Paced

REQUEST = Request("main", "m", (Message(Role.USER, "?" * 360),), max_tokens=1_000)


class Script:
    """Answers at once, and notes when."""

    def __init__(self, usage: Usage) -> None:
        self.usage = usage
        self.moments: list[float] = []

    async def attempt(self, request: Request, number: int) -> Reply:
        self.moments.append(time.monotonic())
        return Reply("!", Finish.STOP, self.usage, "m", "")


async def test_requests_start_no_faster_than_the_rate() -> None:
    script, policy = Script(Usage()), Policy(requests_per_minute=60 * 50)
    paced = Paced(script, Pace("main", policy), MemoryBooks())
    await asyncio.gather(*(paced.attempt(REQUEST, 1) for _ in range(70)))

    first, *_, last = sorted(script.moments)
    # One second's worth (50) may go at once, and 20 more take 0.4 s.
    assert 0.35 <= last - first < 5


async def test_one_pace_is_shared_by_all_that_use_the_same_books() -> None:
    script, policy, books = Script(Usage()), Policy(requests_per_minute=60 * 50), MemoryBooks()
    workers = [Paced(script, Pace("main", policy), books) for _ in range(2)]
    await asyncio.gather(*(worker.attempt(REQUEST, 1) for worker in workers for _ in range(35)))

    first, *_, last = sorted(script.moments)
    assert last - first >= 0.35


async def test_tokens_beyond_the_expected_are_made_good_with_the_next_request() -> None:
    script, pace = Script(Usage(input=5_000)), Pace("main", Policy(tokens_per_minute=60_000))
    books = MemoryBooks()
    paced = Paced(script, pace, books)
    await paced.attempt(REQUEST, 1)

    assert 4_500 < pace.owed < 5_000 - ANSWER

    before = books.due["main/tokens"]
    await paced.attempt(REQUEST, 1)

    # A token is worth a millisecond here: what the first request took beyond the expected counts with the second.
    assert books.due["main/tokens"] - before == pytest.approx(5.0, abs=0.2)


async def test_without_rates_nothing_is_asked_of_the_books() -> None:
    books = MemoryBooks()
    await Paced(Script(Usage()), Pace("main", Policy()), books).attempt(REQUEST, 1)

    assert {} == books.due
