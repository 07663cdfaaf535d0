"""What a batch API is to us: hand in, find again, look, read, cancel."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from autointerp.domain.calls import Reply, Request
from autointerp.llm.base import CallFailed, Endpoint, ProviderConfig
from autointerp.llm.prices import Tariff

ID_LENGTH = 12


class Stage(StrEnum):
    """How far a batch is; `failed`: it was refused as a whole, and none of its requests was read."""

    WORKING = "working"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Remote:
    """A batch as the vendor tells of it. `full`: it failed because too many tokens were waiting already."""

    stage: Stage
    done: int = 0
    full: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A batch that was handed in; `input_file` holds its requests at the vendor, where there is such a file."""

    remote_id: str
    input_file: str | None = None


class Sighting(StrEnum):
    """What is known of a batch that is not found: `nowhere`, or `perhaps` among those that cannot be told apart yet."""

    NOWHERE = "nowhere"
    PERHAPS = "perhaps"


@dataclass(frozen=True, slots=True)
class Line:
    """One result: the body of a reply, or the failure in its place."""

    custom_id: str
    body: bytes | None = None
    failure: CallFailed | None = None


class BatchDriver(Protocol):
    """The batch API of one endpoint; failures are CallFailed. Nothing is retried in here."""

    def line(self, custom_id: str, request: Request) -> bytes:
        """Spell one request of a batch; MissingCapability when the endpoint cannot do what it asks for."""
        ...

    def decode(self, data: bytes, request: Request) -> Reply:
        """Read a reply; Malformed when it is none."""
        ...

    async def submit(self, tag: str, lines: Sequence[bytes]) -> Submitted:
        """Hand in a batch that can be found by `tag`; after a failure it may be there all the same."""
        ...

    async def find(self, tag: str, *, requests: int, since: datetime, known: Collection[str]) -> Submitted | Sighting:
        """Look for the batch of `tag`, of so many requests, not handed in before `since` and none of `known`."""
        ...

    async def look(self, remote_id: str) -> Remote: ...

    def results(self, remote_id: str) -> AsyncIterator[Line]:
        """Read the results of a batch that has ended, in any order; some may be missing."""
        ...

    async def cancel(self, remote_id: str) -> None: ...

    async def clean_up(self, input_file: str) -> None:
        """Delete the file of requests, which holds corpus text."""
        ...

    async def close(self) -> None: ...


class BatchProviderConfig(ProviderConfig, Protocol):
    """The `Config` of a provider whose servers may have a batch API."""

    def can_batch(self, endpoint: Endpoint) -> bool: ...

    def open_batches(self, endpoint: Endpoint) -> BatchDriver: ...

    def batch_tariff(self, endpoint: Endpoint) -> Tariff: ...


def custom_id(tag: str, number: int) -> str:
    """Name one request of a batch: short, unique in it, and telling whose it is."""
    return f"{tag[:ID_LENGTH]}-{number}"


def is_ours(custom_id: str, tag: str) -> bool:
    """Whether a request belongs to the batch of `tag`."""
    return custom_id.startswith(f"{tag[:ID_LENGTH]}-")
