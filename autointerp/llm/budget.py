"""A run's budget at the till: set aside before a call, booked after it, and no call once it is spent."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from autointerp.domain.calls import Usage
from autointerp.domain.ledger import Allowance
from autointerp.errors import OutOfBudget
from autointerp.llm.prices import NANO


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a call may take. `cost` is in nano-dollars; None: not known."""

    usage: Usage
    cost: int | None


@dataclass(slots=True)
class Purse:
    """The calls in flight against one allowance.

    What is set aside is far more than what is spent in the end; so a call that the budget does not hold waits for
    those in flight to be settled, and only with none left in flight is the budget spent.
    """

    allowance: Allowance
    in_flight: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque[asyncio.Future[None]])

    async def take(self, bound: Bound) -> None:
        """Set `bound` aside; OutOfBudget when the budget cannot hold it any more."""
        while not await self.allowance.reserve(cost=bound.cost or 0, tokens=bound.usage.total):
            if not self.in_flight:
                self._wake(len(self.waiting))
                raise OutOfBudget(_refusal(bound))
            await self._change()
        self.in_flight += 1
        self._wake(1)

    async def settle(self, bound: Bound, *, cost: int, tokens: int) -> None:
        """Give `bound` back and book what was spent."""
        try:
            await self.allowance.settle(
                reserved_cost=bound.cost or 0, reserved_tokens=bound.usage.total, cost=cost, tokens=tokens
            )
        finally:
            self.in_flight -= 1
            self._wake(1 if self.in_flight else len(self.waiting))

    async def _change(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake(1)
            raise

    def _wake(self, count: int) -> None:
        while count and self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                count -= 1


def _refusal(bound: Bound) -> str:
    price = "at an unknown price" if bound.cost is None else f"for up to ${bound.cost / NANO:.6f}"
    return (
        f"the budget does not hold the next call ({bound.usage.total:,} tokens at most, {price}); "
        "resume the run with a larger budget"
    )
