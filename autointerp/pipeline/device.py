"""The device's thread, for work that is long enough to be told to stop."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Halted(Exception):
    """The work was told to stop and did."""


@dataclass(frozen=True, slots=True)
class Device:
    """Runs sync work in the one thread of the device `name`, where steering and embedding run too."""

    name: str

    async def run(self, work: Callable[[Callable[[], bool]], T]) -> T:
        """Run `work(halted)` in the thread; a caller that is cancelled waits until the work has ended.

        From then on `halted()` is true: the work must ask now and then and raise Halted, because a thread cannot be
        stopped from outside.
        """
        from autointerp.subject.device import on_device

        halted = threading.Event()
        context = copy_context()  # so that the thread's log lines and spans are this job's
        working = asyncio.ensure_future(on_device(self.name, lambda: context.run(work, halted.is_set)))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            halted.set()
            await asyncio.wait([working])
            if not working.cancelled():
                working.exception()  # seen: the cancellation is what the caller hears of
            raise
