"""Where an endpoint refuses everybody, the calls beside the refused one are given up, but let land first.

Most hear the same within moments, and are then known to have cost nothing. One that was taken before the account ran
empty may still be answered, and billed: so of one that does not land, nothing is known.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

LANDING = 10.0  # seconds that a call which is given up is waited for
RECENT = 60.0  # seconds; a refusal is heard, and the calls beside it given up, well within


@dataclass(slots=True)
class Refusals:
    """When one endpoint last refused a request as it would any other; `patience` is for how long calls may land."""

    patience: float = LANDING
    last: float = float("-inf")

    def note(self) -> None:
        """The endpoint has just refused a request as it would any other."""
        self.last = time.monotonic()

    async def see_off(self, call: "asyncio.Task[object]") -> asyncio.CancelledError | None:
        """Wait until the call is over. Returns the cancellation of whoever waits for it, which ends the call: at once,
        or, where the endpoint has refused everybody of late, when there was time to land."""
        try:
            await asyncio.wait([call])
        except asyncio.CancelledError as cancelled:
            await self._end(call)
            return cancelled
        return None

    async def _end(self, call: "asyncio.Task[object]") -> None:
        if time.monotonic() - self.last < RECENT:
            with suppress(asyncio.CancelledError):  # once more: whoever waits is in a hurry
                await asyncio.wait([call], timeout=self.patience)
        while not call.done():
            call.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([call])
