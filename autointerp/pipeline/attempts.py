"""Trying again, a few times: a mistake of the program or a worker that dies must not be met with for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from autointerp.errors import AutointerpError, Unavailable
from autointerp.jobs.records import Leaving

_log = logging.getLogger(__name__)

ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt; twice as long before the third
DIED = "the worker died each time this was tried"


class Tally(Protocol):
    """Counts the attempts at one job where they outlive the process."""

    def begin(self) -> int:
        """Count one more attempt and return how many there are."""
        ...

    def take_back(self) -> None:
        """Count one attempt less: it was interrupted, not failed."""
        ...


async def persevere(
    tally: Tally, work: Callable[[], Awaitable[None]], *, what: str, unavailable_is_final: bool
) -> str | None:
    """Do `work` at most ATTEMPTS times, those of dead workers included; return why it failed, or None.

    Tried again: what a programmer did not foresee. An AutointerpError is raised; but Unavailable, where it is not
    final, is tried again too.
    """
    reason = DIED
    while (attempt := await asyncio.to_thread(tally.begin)) <= ATTEMPTS:
        try:
            await work()
        except (asyncio.CancelledError, Leaving):
            await asyncio.to_thread(tally.take_back)
            raise
        except AutointerpError as error:
            if unavailable_is_final or not isinstance(error, Unavailable):
                await asyncio.to_thread(tally.take_back)
                raise
            reason = error.detail
        except Exception as error:  # noqa: BLE001 - a programmer's error: told, tried again, and at last recorded
            _log.exception("attempt %d at %s failed", attempt, what)
            reason = f"{type(error).__name__}: {error}"
        else:
            return None
        if attempt < ATTEMPTS:
            await asyncio.sleep(PAUSE * attempt)
    return reason
