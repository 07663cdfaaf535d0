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
    """One line of the ledger. `cost` is in nano-dollars; None: not known. `batch` is the batch that it came with."""

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
    batch: str | None = None


class Replies(Protocol):
    """Keeps replies by the key of their request, for ever: nothing is paid for twice."""

    async def get(self, key: str) -> Reply | None: ...

    async def put(self, key: str, reply: Reply) -> None: ...


class Ledger(Protocol):
    """Writes lines; never changes one."""

    async def record(self, attempt: Attempt) -> None: ...


class Allowance(Protocol):
    """The budget of one run, safe across workers: reserve before a call, settle after it."""

    async def reserve(self, *, cost: int, tokens: int) -> bool:
        """Set aside this much (nano-dollars, tokens); False when the budget does not hold it."""
        ...

    async def affords(self, *, cost: int, tokens: int) -> bool:
        """Whether the budget would hold this if all that any worker has set aside were given back."""
        ...

    async def settle(self, *, reserved_cost: int, reserved_tokens: int, cost: int, tokens: int) -> None:
        """Give back what was reserved and book what was spent."""
        ...
