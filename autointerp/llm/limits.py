"""How many requests may be in flight at one endpoint: more while all goes well, fewer when the server says so."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from autointerp.domain.calls import Reply, Request
from autointerp.llm.base import Overloaded, Policy, RateLimited
from autointerp.llm.meter import Attempts

DECREASE = 0.7
AT_A_TURN = 8


class Door:
    """Lets a few through in each turn of the event loop.

    Of hundreds that are let go at once, each would do its next step in turn, so that the first one is sent when the
    last one is nearly ready, their answers come all together, and so do all that follow them.
    """

    def __init__(self) -> None:
        self._passed = 0
        self._watched = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def pass_through(self) -> None:
        """Pass at once where few others do in this turn, else when those who came before have passed."""
        loop = asyncio.get_running_loop()
        self._watch(loop)
        if self._passed < AT_A_TURN and not self._waiting:
            self._passed += 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._watched:
            self._watched = True
            loop.call_soon(self._next_turn, loop)

    def _next_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._passed, self._watched = 0, False
        while self._waiting and self._passed < AT_A_TURN:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._passed += 1
        if self._passed:
            self._watch(loop)


class Limiter:
    """Additive increase, multiplicative decrease, as TCP does; shared by every run of one endpoint in a process.

    Until the first refusal a success raises the limit by one, so it doubles each round (slow start); after that by
    1/limit, so by one a round. A refusal cuts it once per epoch: requests that were already in flight when it was cut
    tell nothing new. Nobody starts before the server's Retry-After is over.
    """

    def __init__(self, policy: Policy) -> None:
        self.limit = float(min(policy.concurrency, policy.max_concurrency))
        self.in_flight = 0
        self._most = policy.max_concurrency
        self._longest_wait = policy.retry_after_cap
        self._epoch = 0
        self._not_before = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._door = Door()

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[int, None]:
        """Hold one of the slots; yields the epoch it was taken in."""
        await self._enter()
        try:
            await self._door.pass_through()
            yield self._epoch
        finally:
            self.in_flight -= 1
            self._wake()

    def succeeded(self) -> None:
        """Allow a little more."""
        more = 1 / self.limit if self._epoch else 1
        self.limit = min(self._most, self.limit + more)

    def refused(self, epoch: int, retry_after: float | None) -> None:
        """Allow less, once per epoch, and nothing before `retry_after` seconds are over."""
        if epoch == self._epoch:
            self._epoch += 1
            self.limit = max(1.0, self.limit * DECREASE)
        if retry_after is not None:
            now = asyncio.get_running_loop().time()
            self._not_before = max(self._not_before, now + min(retry_after, self._longest_wait))

    async def _enter(self) -> None:
        try:
            while not await self._may_start():
                pass
        except asyncio.CancelledError:
            self._wake()  # the turn that this one was given, or was waiting for, goes to another
            raise
        self.in_flight += 1

    async def _may_start(self) -> bool:
        loop = asyncio.get_running_loop()
        if self.in_flight >= int(self.limit):
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
            return False
        pause = self._not_before - loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
            return False
        return True

    def _wake(self) -> None:
        free = int(self.limit) - self.in_flight
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


@dataclass(frozen=True, slots=True)
class Limited:
    """Makes an attempt when there is a slot for it."""

    inner: Attempts
    limiter: Limiter

    async def attempt(self, request: Request, number: int) -> Reply:
        """Wait for a slot, attempt, and tell the limiter how it went."""
        async with self.limiter.slot() as epoch:
            try:
                reply = await self.inner.attempt(request, number)
            except (RateLimited, Overloaded) as error:
                self.limiter.refused(epoch, error.said.retry_after)
                raise
            self.limiter.succeeded()
            return reply
