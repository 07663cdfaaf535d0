"""The books of the LLM layer in memory, for tests and for use as a library."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Attempt, Funds, Hold, Reserved
from autointerp.domain.rates import next_turn


@dataclass(slots=True)
class MemoryAllowance:
    """A budget in nano-dollars and tokens; None: no limit."""

    cost_cap: int | None = None
    token_cap: int | None = None
    spent_cost: int = 0
    spent_tokens: int = 0
    reserved_cost: int = 0
    reserved_tokens: int = 0
    _ids: Iterator[int] = field(default_factory=count)

    async def reserve(self, wanted: Reserved) -> Hold | None:
        """Set aside this much unless a cap would be passed."""
        if not (await self.funds()).holds(wanted):
            return None
        self.reserved_cost += wanted.cost
        self.reserved_tokens += wanted.tokens
        return Hold(next(self._ids), wanted)

    async def funds(self) -> Funds:
        """How the budget stands."""
        spent, reserved = (self.spent_cost, self.spent_tokens), (self.reserved_cost, self.reserved_tokens)
        return Funds(self.cost_cap, self.token_cap, Reserved(*spent), Reserved(*reserved))

    async def give_back(self, hold: Hold) -> None:
        """Set it aside no longer."""
        self.settle(hold.reserved, cost=0, tokens=0)

    def settle(self, reserved: Reserved, *, cost: int, tokens: int) -> None:
        """Give back what was set aside and book what was spent."""
        self.reserved_cost -= reserved.cost
        self.reserved_tokens -= reserved.tokens
        self.spent_cost += cost
        self.spent_tokens += tokens


@dataclass(slots=True)
class MemoryBooks:
    """Replies by key, one line an attempt in order, and budgets by run; for as long as the process lives."""

    allowances: dict[str, MemoryAllowance] = field(default_factory=dict[str, MemoryAllowance])
    kept: dict[str, Reply] = field(default_factory=dict[str, Reply])
    lines: list[Attempt] = field(default_factory=list[Attempt])
    due: dict[str, float] = field(default_factory=dict[str, float])

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under `key`."""
        return self.kept.get(key)

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, hold: Hold | None = None) -> None:
        """Write one line, keep the reply, and settle."""
        self.lines.append(attempt)
        if keep is not None:
            self.kept.setdefault(attempt.request, keep)
        if hold is not None and attempt.run is not None:
            self.allowances[attempt.run].settle(hold.reserved, cost=attempt.cost or 0, tokens=attempt.usage.total)

    async def turn(self, bucket: str, cost: float, *, burst: float) -> float:
        """Return how many seconds to wait before taking from the bucket."""
        now = time.monotonic()
        self.due[bucket], wait = next_turn(self.due.get(bucket, 0.0), now, cost, burst)
        return wait

    def allowance(self, run: str) -> MemoryAllowance | None:
        """Return the budget of a run, if it has one."""
        return self.allowances.get(run)

    @property
    def cost(self) -> int:
        """The sum of the known costs, in nano-dollars."""
        return sum(line.cost or 0 for line in self.lines)

    @property
    def tokens(self) -> int:
        """The sum of all tokens."""
        return sum(line.usage.total for line in self.lines)
