"""Identical requests at the same time are one, which ends with the last who waits for it."""

import asyncio
import gc
from contextlib import suppress
from typing import Any

from autointerp.errors import Unavailable
from autointerp.llm.flights import Flights


async def test_work_that_fails_when_the_last_who_waits_leaves_is_no_forgotten_failure() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(0.01)
        raise Unavailable("what was bought cannot be written down now")

    flights = Flights[None]()
    waiting = asyncio.ensure_future(flights.join("key", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for _ in range(2):  # as when a chunk is given up, and then again when its worker leaves
        waiting.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0.05)
    del waiting
    gc.collect()

    assert told == []
