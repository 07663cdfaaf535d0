"""Single flight: identical requests at the same time are one request."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from autointerp.llm.waiting import may_be_left

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


@dataclass(slots=True)
class Flights(Generic[T]):
    """Work under way, by key. It goes on while anyone waits for it, and is cancelled with the last who does."""

    under_way: dict[str, _Flight[T]] = field(default_factory=dict[str, _Flight[T]])

    async def join(self, key: str, start: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, bool]:
        """Wait for the work under `key`, starting it if there is none; also says whether this caller started it."""
        flight = self.under_way.get(key)
        mine = flight is None
        if flight is None:
            flight = _Flight(may_be_left(asyncio.ensure_future(start())))
            self.under_way[key] = flight
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task), mine
        finally:
            flight.waiting -= 1
            if flight.task.done() or not flight.waiting:
                self._land(key, flight)
            if not flight.task.done() and not flight.waiting:
                flight.task.cancel()
                await asyncio.wait([flight.task])

    def _land(self, key: str, flight: _Flight[T]) -> None:
        if self.under_way.get(key) is flight:
            del self.under_way[key]
