"""The first of many requests that share the beginning of a prompt goes alone: it fills the vendor's prompt cache.

Sent at once, all of them would pay for writing the same beginning: it can be read only once the first reply began.
"""

import asyncio
import time
from dataclasses import dataclass, field
from functools import lru_cache

from autointerp.domain.calls import Message, Reply, Request
from autointerp.hashing import digest
from autointerp.llm.meter import Attempts

WARM = 240.0  # seconds; vendors keep an entry for five minutes after it was last read


@dataclass(slots=True)
class Prefixes:
    """When each beginning of a prompt was last sent to one endpoint, and who is sending it for the first time."""

    sent: dict[str, float] = field(default_factory=dict[str, float])
    first: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])


@dataclass(frozen=True, slots=True)
class Warmed:
    """Holds the others back while the first request with a shared beginning is under way."""

    inner: Attempts
    prefixes: Prefixes

    async def attempt(self, request: Request, number: int) -> Reply:
        """Attempt, after the one that warms the cache."""
        prefix = shared_prefix(request)
        if prefix is None:
            return await self.inner.attempt(request, number)
        sent, first = self.prefixes.sent, self.prefixes.first
        while time.monotonic() - sent.get(prefix, -WARM) >= WARM:
            if (others := first.get(prefix)) is None:
                return await self._first(request, number, prefix)
            await others.wait()
            if prefix not in sent:
                break  # the first one failed, and that is no reason to wait for a second
        sent[prefix] = time.monotonic()
        return await self.inner.attempt(request, number)

    async def _first(self, request: Request, number: int, prefix: str) -> Reply:
        done = self.prefixes.first[prefix] = asyncio.Event()
        self.prefixes.sent.pop(prefix, None)
        try:
            reply = await self.inner.attempt(request, number)
            self.prefixes.sent[prefix] = time.monotonic()
            return reply
        finally:
            del self.prefixes.first[prefix]
            done.set()


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
