"""Doing the same to many things, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def for_each(
    things: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int, stop: Callable[[], bool]
) -> None:
    """Do `work` to each thing, `at_once` at a time; begin none after `stop()`, and cancel the rest after a failure."""
    waiting = iter(things)

    async def take() -> None:
        for thing in waiting:
            if stop():
                return
            await work(thing)

    takers = [asyncio.create_task(take()) for _ in range(at_once)]
    try:
        await asyncio.gather(*takers)
    finally:
        for taker in takers:
            taker.cancel()
        await asyncio.gather(*takers, return_exceptions=True)
