"""The books of the LLM layer: kept replies, one ledger line an attempt, and the budget of each run."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from autointerp.domain.calls import Reply, Usage


class AttemptStatus(StrEnum):
    """How one attempt at a request ended."""

    ANSWERED = "answered"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FILTERED = "filtered"
    MALFORMED = "malformed"
    RATE_LIMITED = "rate_limited"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    CACHED = "cached"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the ledger. `cost` is in nano-dollars; None: not known.

    `bytes` is the length of what was asked, `batch` the batch that it came with.
    """

    run: str | None
    request: str
    prompt: str | None
    endpoint: str
    model_asked: str
    model_answered: str | None
    status: AttemptStatus
    attempt: int
    usage: Usage
    cost: int | None
    provider_request: str | None
    error: str | None
    started_at: datetime
    finished_at: datetime
    bytes: int = 0
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """How much is set aside: nano-dollars (0 where no price is known) and tokens."""

    cost: int
    tokens: int

    def plus(self, other: "Reserved") -> "Reserved":
        """Both together."""
        return Reserved(self.cost + other.cost, self.tokens + other.tokens)


NOTHING_RESERVED = Reserved(cost=0, tokens=0)


@dataclass(frozen=True, slots=True)
class Hold:
    """What is set aside for one attempt, under an id that no other one of the same books ever has."""

    id: int
    reserved: Reserved


@dataclass(frozen=True, slots=True)
class Funds:
    """How a budget stands, in nano-dollars and tokens; cap None: no limit.

    `batched` is what of `reserved` is set aside for batches at vendors, which take hours.
    """

    cap_cost: int | None
    cap_tokens: int | None
    spent: Reserved
    reserved: Reserved
    batched: Reserved = NOTHING_RESERVED

    def affords(self, wanted: Reserved) -> bool:
        """Whether what is spent leaves room for this much, were nothing set aside."""
        return not (
            _passes(self.cap_cost, self.spent.cost + wanted.cost)
            or _passes(self.cap_tokens, self.spent.tokens + wanted.tokens)
        )

    def holds(self, wanted: Reserved) -> bool:
        """Whether there is room for this much beside all that is set aside."""
        return self.affords(self.reserved.plus(wanted))

    def waits_for_batches(self, wanted: Reserved) -> bool:
        """Whether batches must give back something before there is room for this much, whoever else does."""
        return not self.affords(self.batched.plus(wanted))


class Allowance(Protocol):
    """The budget of one run, safe across workers: reserve before a call, and book what it took after it.

    What a worker that died has set aside is given back when it is taken for dead.
    """

    async def reserve(self, wanted: Reserved) -> Hold | None:
        """Set aside this much; None when the budget does not hold it."""
        ...

    async def funds(self) -> Funds:
        """How the budget stands, whoever spends from it."""
        ...

    async def give_back(self, hold: Hold) -> None:
        """Set it aside no longer: nothing was asked."""
        ...


class Books(Protocol):
    """Everything that all workers share: kept replies, the ledger, the budgets of runs, and the rates of endpoints."""

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under the key of its request, for ever: nothing is paid for twice."""
        ...

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, hold: Hold | None = None) -> None:
        """Write one line, which never changes, keep the reply to its request unless there is one, and settle its run's
        budget: give back what `hold` has set aside and count what was spent. All of it is done, or nothing.

        Any failure but Unavailable says that nothing was done; after Unavailable it is done later.
        """
        ...

    async def turn(self, bucket: str, cost: float, *, burst: float) -> float:
        """Return how many seconds to wait before taking what is worth `cost` seconds of a bucket that all share; as
        much as `burst` seconds may have gathered in it."""
        ...

    def allowance(self, run: str) -> Allowance | None:
        """Return the budget of a run; None where it has none."""
        ...


def _passes(cap: int | None, amount: int) -> bool:
    return cap is not None and amount > cap
