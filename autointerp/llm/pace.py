"""Requests and tokens a minute, for endpoints whose account has such limits: shared by all workers through the books.

A request takes its turn in one statement, whichever worker asks, and then waits for it (`domain.rates`).
"""

import asyncio
from dataclasses import dataclass, field

from autointerp.domain.calls import Reply, Request
from autointerp.domain.ledger import Books
from autointerp.llm import estimate
from autointerp.llm.base import CallFailed, Policy
from autointerp.llm.meter import Attempts

MINUTE = 60.0
BURST = 1.0  # seconds' worth that may go at once after a pause
ANSWER = 200  # tokens that an answer is expected to have; what it had is made good with the next request


@dataclass(slots=True)
class Pace:
    """The limits of one endpoint, kept under its name. `owed` are tokens that requests took beyond the expected."""

    name: str
    policy: Policy
    owed: int = field(default=0)

    @property
    def unlimited(self) -> bool:
        """Whether the endpoint has no such limits."""
        return self.policy.requests_per_minute is None and self.policy.tokens_per_minute is None

    async def turn(self, books: Books, tokens: int) -> None:
        """Wait until a request of about so many tokens may start."""
        requests, rate = self.policy.requests_per_minute, self.policy.tokens_per_minute
        waits = [0.0]
        if requests is not None:
            waits.append(await books.turn(f"{self.name}/requests", MINUTE / requests, burst=BURST))
        if rate is not None:
            tokens, self.owed = max(0, tokens + self.owed), min(0, tokens + self.owed)
            waits.append(await books.turn(f"{self.name}/tokens", tokens * MINUTE / rate, burst=BURST))
        await asyncio.sleep(max(waits))


@dataclass(frozen=True, slots=True)
class Paced:
    """Makes an attempt when the endpoint's rates allow it."""

    inner: Attempts
    pace: Pace
    books: Books

    async def attempt(self, request: Request, number: int) -> Reply:
        """Wait for the turn, attempt, and remember by how much the expectation was wrong."""
        if self.pace.unlimited:
            return await self.inner.attempt(request, number)
        expected = estimate.likely(request, output=ANSWER).total
        await self.pace.turn(self.books, expected)
        try:
            reply = await self.inner.attempt(request, number)
        except CallFailed as error:
            if error.said.usage is not None:
                self.pace.owed += error.said.usage.total - expected
            raise
        self.pace.owed += reply.usage.total - expected
        return reply
