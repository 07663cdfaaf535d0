"""One worker thread for each device: models never run on the event loop, and never two at a time on one device."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")


async def on_device(device: str, work: Callable[[], T]) -> T:
    """Run `work` in the device's thread, behind whatever was asked of it before, and return its result."""
    return await asyncio.get_running_loop().run_in_executor(_thread_of(device), work)


@cache
def _thread_of(device: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"device-{device}")
