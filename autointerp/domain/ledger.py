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
    """What was set aside for one attempt: nano-dollars (0 where no price is known) and tokens."""

    cost: int
    tokens: int


class Allowance(Protocol):
    """The budget of one run, safe across workers: reserve before a call, and book what it took after it."""

    async def reserve(self, reserved: Reserved) -> bool:
        """Set aside this much; False when the budget does not hold it."""
        ...

    async def affords(self, reserved: Reserved) -> bool:
        """Whether the budget would hold this if all that any worker has set aside were given back."""
        ...

    async def give_back(self, reserved: Reserved) -> None:
        """Set it aside no longer: nothing was asked."""
        ...


class Books(Protocol):
    """Everything that all workers share: kept replies, the ledger, the budgets of runs, and the rates of endpoints."""

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under the key of its request, for ever: nothing is paid for twice."""
        ...

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, reserved: Reserved | None = None) -> None:
        """Write one line, which never changes, keep the reply to its request unless there is one, and settle its run's
        budget: give back what was `reserved` and count what was spent. All of it is done, or nothing.

        Any failure but Unavailable says that nothing was done; after Unavailable nobody knows.
        """
        ...

    async def turn(self, bucket: str, cost: float, *, burst: float) -> float:
        """Return how many seconds to wait before taking what is worth `cost` seconds of a bucket that all share; as
        much as `burst` seconds may have gathered in it."""
        ...

    def allowance(self, run: str) -> Allowance | None:
        """Return the budget of a run; None where it has none."""
        ...
