"""The books of the LLM layer in memory, for tests and for use as a library."""

import time
from dataclasses import dataclass, field

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Attempt, Reserved
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

    async def reserve(self, reserved: Reserved) -> bool:
        """Set aside this much unless a cap would be passed."""
        if _passes(self.cost_cap, self.spent_cost + self.reserved_cost + reserved.cost):
            return False
        if _passes(self.token_cap, self.spent_tokens + self.reserved_tokens + reserved.tokens):
            return False
        self.reserved_cost += reserved.cost
        self.reserved_tokens += reserved.tokens
        return True

    async def affords(self, reserved: Reserved) -> bool:
        """Whether what is spent leaves room for this much."""
        return not _passes(self.cost_cap, self.spent_cost + reserved.cost) and not _passes(
            self.token_cap, self.spent_tokens + reserved.tokens
        )

    async def give_back(self, reserved: Reserved) -> None:
        """Set it aside no longer."""
        self.settle(reserved, cost=0, tokens=0)

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

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, reserved: Reserved | None = None) -> None:
        """Write one line, keep the reply, and settle."""
        self.lines.append(attempt)
        if keep is not None:
            self.kept.setdefault(attempt.request, keep)
        if reserved is not None and attempt.run is not None:
            self.allowances[attempt.run].settle(reserved, cost=attempt.cost or 0, tokens=attempt.usage.total)

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


def _passes(cap: int | None, amount: int) -> bool:
    return cap is not None and amount > cap
