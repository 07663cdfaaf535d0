"""A run's budget at the till: set aside before a call, booked after it, and no call once it is spent."""

import asyncio
from dataclasses import dataclass, field

from autointerp.domain.calls import Usage
from autointerp.domain.ledger import Allowance, Funds, Hold, Reserved
from autointerp.errors import OutOfBudget
from autointerp.llm.prices import NANO

POLL = 0.5  # seconds between two looks at what other workers have set aside
PATIENCE = 900.0  # seconds in which nobody settles anything: longer than any call takes, or a dead worker is unnoticed


class Withheld(OutOfBudget):
    """The budget will hold the call when batches have given back what is set aside for them: in hours, mostly."""


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

    What is set aside is far more than what is spent in the end; so a call that the budget does not hold waits, one
    after the other, for those in flight to be settled. Other processes may have calls in flight too: they are waited
    for as long as the budget could hold the call without theirs. What dead ones leave is given back meanwhile, so the
    budget stands still only where something is wrong, and that is told after `patience` seconds.
    """

    allowance: Allowance
    patience: float = PATIENCE
    in_flight: int = 0
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)
    _landed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, bound: Bound) -> Hold:
        """Set `bound` aside; OutOfBudget when the budget cannot hold it any more, Withheld when only batches' ends can
        change that."""
        hold = await self.allowance.reserve(bound.reserved)
        if hold is None:
            async with self._line:
                hold = await self._wait_for(bound)
        self.in_flight += 1
        return hold

    async def give_back(self, hold: Hold) -> None:
        """Set it aside no longer: nothing was asked."""
        try:
            await self.allowance.give_back(hold)
        finally:
            self.landed()

    def landed(self) -> None:
        """Let others have their turn: a call that was taken for is over."""
        self.in_flight -= 1
        self._landed.set()

    async def _wait_for(self, bound: Bound) -> Hold:
        before: Funds | None = None
        waited = 0.0
        while True:
            self._landed.clear()
            if (hold := await self.allowance.reserve(bound.reserved)) is not None:
                return hold
            if self.in_flight:
                await self._landed.wait()
                continue
            funds = await self.allowance.funds()
            if not funds.affords(bound.reserved):
                raise OutOfBudget(_refusal(bound))
            if funds.holds(bound.reserved):
                continue
            if funds.waits_for_batches(bound.reserved):
                raise Withheld(_withheld(bound))
            waited, before = (waited if funds == before else 0.0), funds
            if waited >= self.patience:
                raise OutOfBudget(_standstill(waited))
            await asyncio.sleep(POLL)
            waited += POLL


def _refusal(bound: Bound) -> str:
    return f"the budget does not hold the next call ({_most(bound)}); resume the run with a larger budget"


def _withheld(bound: Bound) -> str:
    return f"the budget does not hold the next call ({_most(bound)}) beside the run's open batches"


def _most(bound: Bound) -> str:
    price = "at an unknown price" if bound.cost is None else f"for up to ${bound.cost / NANO:.6f}"
    return f"{bound.usage.total:,} tokens at most, {price}"


def _standstill(seconds: float) -> str:
    return (
        "the budget does not hold the next call beside those that other workers or batches have under way, "
        f"none of which has ended for {seconds / 60:.0f} minutes; resume the run, with a larger budget if that is soon"
    )
