"""What is stored of batches, as records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autointerp.domain.calls import Request


class BatchState(StrEnum):
    """Where a batch stands. `submitting`: the vendor may or may not have it."""

    SUBMITTING = "submitting"
    RUNNING = "running"
    INGESTED = "ingested"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """Whether there is still something to do for it."""
        return self in (BatchState.SUBMITTING, BatchState.RUNNING)


class ItemState(StrEnum):
    """Where a request stands. `kept`: another run had its reply; `online`: batches failed to answer it."""

    PENDING = "pending"
    SENT = "sent"
    ANSWERED = "answered"
    KEPT = "kept"
    FAILED = "failed"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One batch of one run. `done` counts the requests that the vendor says it is through with.

    `full`: it was refused because too many tokens were waiting at the vendor.
    """

    id: str
    run_id: str
    endpoint: str
    provider: str
    model: str
    state: BatchState
    tag: str
    remote_id: str | None
    input_file: str | None
    requests: int
    done: int
    cancel: bool
    full: bool
    error: str | None
    next_look_at: datetime
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request that is or will be in a batch. `lapses` counts the batches that did not answer it."""

    id: int
    run_id: str
    generation: int
    request: Request
    state: ItemState
    custom_id: str | None
    lapses: int
    malformed: int
    error_kind: str | None
    error: str | None
    reserved_cost: int
    reserved_tokens: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchGroup:
    """The requests of a run to one model that wait for a batch, and since when the first one does."""

    endpoint: str
    model: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """The requests of a run by where they stand, and its batches that are not finished, oldest first."""

    items: Mapping[ItemState, int]
    open: tuple[BatchRecord, ...]
    ended: int
