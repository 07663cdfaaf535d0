"""The books of the LLM layer in memory, for tests and for use as a library."""

from dataclasses import dataclass, field

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Attempt


@dataclass(slots=True)
class MemoryReplies:
    """Keeps replies for as long as the process lives; the first one put for a key stays."""

    kept: dict[str, Reply] = field(default_factory=dict[str, Reply])

    async def get(self, key: str) -> Reply | None:
        """The reply kept under `key`."""
        return self.kept.get(key)

    async def put(self, key: str, reply: Reply) -> None:
        """Keep `reply` unless there is one already."""
        self.kept.setdefault(key, reply)


@dataclass(slots=True)
class MemoryLedger:
    """One line an attempt, in order."""

    lines: list[Attempt] = field(default_factory=list[Attempt])

    async def record(self, attempt: Attempt) -> None:
        """Write one line."""
        self.lines.append(attempt)

    @property
    def cost(self) -> int:
        """The sum of the known costs, in nano-dollars."""
        return sum(line.cost or 0 for line in self.lines)

    @property
    def tokens(self) -> int:
        """The sum of all tokens."""
        return sum(line.usage.total for line in self.lines)


@dataclass(slots=True)
class MemoryAllowance:
    """A budget in nano-dollars and tokens; None: no limit."""

    cost_cap: int | None = None
    token_cap: int | None = None
    spent_cost: int = 0
    spent_tokens: int = 0
    reserved_cost: int = 0
    reserved_tokens: int = 0

    async def reserve(self, *, cost: int, tokens: int) -> bool:
        """Set aside this much unless a cap would be passed."""
        if _passes(self.cost_cap, self.spent_cost + self.reserved_cost + cost):
            return False
        if _passes(self.token_cap, self.spent_tokens + self.reserved_tokens + tokens):
            return False
        self.reserved_cost += cost
        self.reserved_tokens += tokens
        return True

    async def affords(self, *, cost: int, tokens: int) -> bool:
        """Whether what is spent leaves room for this much."""
        return not _passes(self.cost_cap, self.spent_cost + cost) and not _passes(
            self.token_cap, self.spent_tokens + tokens
        )

    async def settle(self, *, reserved_cost: int, reserved_tokens: int, cost: int, tokens: int) -> None:
        """Give back what was set aside and book what was spent."""
        self.reserved_cost -= reserved_cost
        self.reserved_tokens -= reserved_tokens
        self.spent_cost += cost
        self.spent_tokens += tokens


def _passes(cap: int | None, amount: int) -> bool:
    return cap is not None and amount > cap
