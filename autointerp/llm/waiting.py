"""Seeing work through to its end although the caller is cancelled meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; a cancellation that arrives meanwhile is raised only when the work is done."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except Exception:  # noqa: BLE001 - the work's own failure, raised by result() below
            break
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result


def may_be_left(task: asyncio.Task[T]) -> asyncio.Task[T]:
    """Return a task that everyone who waits for it may leave; its failure is then nobody's, not one forgotten."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
