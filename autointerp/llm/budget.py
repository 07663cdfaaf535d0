"""A run's budget at the till: set aside before a call, booked after it, and no call once it is spent."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from autointerp.domain.calls import Usage
from autointerp.domain.ledger import Allowance, Reserved
from autointerp.errors import OutOfBudget
from autointerp.llm.prices import NANO

POLL = 0.5  # seconds between two looks at what other workers have set aside
PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a call may take. `cost` is in nano-dollars; None: not known."""

    usage: Usage
    cost: int | None

    @property
    def reserved(self) -> Reserved:
        """What is set aside for the call."""
        return Reserved(cost=self.cost or 0, tokens=self.usage.total)


@dataclass(slots=True, weakref_slot=True)
class Purse:
    """The calls that one process has in flight against one allowance.

    What is set aside is far more than what is spent in the end; so a call that the budget does not hold waits for
    those in flight to be settled. Other processes may have calls in flight too, or have died with them: they are waited
    for as long as the budget could hold the call without theirs, but no longer than `patience` seconds.
    """

    allowance: Allowance
    patience: float = PATIENCE
    in_flight: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque[asyncio.Future[None]])

    async def take(self, bound: Bound) -> None:
        """Set `bound` aside; OutOfBudget when the budget cannot hold it any more."""
        waited = 0.0
        while not await self.allowance.reserve(bound.reserved):
            if self.in_flight:
                await self._change()
            elif waited < self.patience and await self.allowance.affords(bound.reserved):
                await asyncio.sleep(POLL)
                waited += POLL
            else:
                self._wake(len(self.waiting))
                raise OutOfBudget(_refusal(bound))
        self.in_flight += 1
        self._wake(1)

    async def give_back(self, bound: Bound) -> None:
        """Set `bound` aside no longer: nothing was asked."""
        try:
            await self.allowance.give_back(bound.reserved)
        finally:
            self.landed()

    def landed(self) -> None:
        """Let others have their turn: a call that was taken for is over."""
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
