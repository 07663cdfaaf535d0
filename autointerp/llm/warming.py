"""The first of many requests that share the beginning of a prompt goes alone: it fills the vendor's prompt cache.

Sent at once, all of them would pay for writing the same beginning: it can be read only once the first reply began.
"""

import asyncio
import time
from dataclasses import dataclass, field
from functools import lru_cache

from autointerp.domain.calls import Message, Reply, Request
from autointerp.hashing import digest
from autointerp.llm.base import CallFailed
from autointerp.llm.meter import Attempts

WARM = 240.0  # seconds; vendors keep an entry for five minutes after it was last read
FIRSTS = 3  # that fail one after the other; then the endpoint is at fault, and to wait for each would take for ever


@dataclass(slots=True)
class Beginning:
    """When a beginning of prompts was last sent to one endpoint, who sends it first, and how many of these failed."""

    sent: float = -WARM
    first: asyncio.Event | None = None
    failed: int = 0

    @property
    def warm(self) -> bool:
        """Whether the vendor has it."""
        return time.monotonic() - self.sent < WARM


@dataclass(slots=True)
class Prefixes:
    """The beginnings of prompts that were sent to one endpoint."""

    known: dict[str, Beginning] = field(default_factory=dict[str, Beginning])


@dataclass(frozen=True, slots=True)
class Warmed:
    """Holds the others back while the first request with a shared beginning is under way.

    Where that fails or is cancelled, the next one is the first.
    """

    inner: Attempts
    prefixes: Prefixes

    async def attempt(self, request: Request, number: int) -> Reply:
        """Attempt, after the one that warms the cache."""
        prefix = shared_prefix(request)
        if prefix is None:
            return await self.inner.attempt(request, number)
        beginning = self.prefixes.known.setdefault(prefix, Beginning())
        while not beginning.warm and beginning.failed < FIRSTS:
            if beginning.first is None:
                return await self._first(request, number, beginning)
            await beginning.first.wait()
        if beginning.warm:
            beginning.sent = time.monotonic()
        return await self._send(request, number, beginning)

    async def _first(self, request: Request, number: int, beginning: Beginning) -> Reply:
        done = beginning.first = asyncio.Event()
        try:
            return await self._send(request, number, beginning)
        except CallFailed:
            beginning.failed += 1
            raise
        finally:
            beginning.first = None
            done.set()

    async def _send(self, request: Request, number: int, beginning: Beginning) -> Reply:
        reply = await self.inner.attempt(request, number)
        beginning.sent, beginning.failed = time.monotonic(), 0
        return reply


def shared_prefix(request: Request) -> str | None:
    """Return what identifies the shared beginning of the request's prompt; None: it has none."""
    last = last_shared(request.messages)
    return None if last is None else _digest(request.model, request.messages[: last + 1], request.schema)


def last_shared(messages: tuple[Message, ...]) -> int | None:
    """Return where the part that many requests share ends; the vendor keeps up to there."""
    return max((index for index, message in enumerate(messages) if message.shared), default=None)


@lru_cache(maxsize=256)
def _digest(model: str, messages: tuple[Message, ...], schema: str | None) -> str:
    return digest([model, [[message.role, message.text] for message in messages], schema])
