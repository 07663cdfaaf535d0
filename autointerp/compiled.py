"""Loops over numbers, compiled to machine code on first use and kept on disk; they let other threads run meanwhile."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def compiled(loop: Callable[P, R]) -> Callable[P, R]:
    """Compile `loop`, which takes and returns numpy arrays and numbers."""
    njit: Any = numba.njit
    made = njit(nogil=True, error_model="numpy")(loop)
    if hasattr(made, "enable_caching"):  # not so where numba is switched off
        _keep(made, loop)
    return cast("Callable[P, R]", made)


def _keep(made: Any, loop: Any) -> None:
    """Keep the machine code on disk until the loop's file, or what it uses of other files, changes."""
    try:
        made.enable_caching()
    except RuntimeError:  # no folder can be written to: each process compiles for itself
        return
    # Numba looks at the loop's own file alone, while constants and other loops are compiled into it.
    file: Any = getattr(made._cache, "_cache_file", None)
    if file is not None:
        file._source_stamp = sha256(repr((file._source_stamp, _used(loop.__globals__))).encode()).hexdigest()


def _used(names: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers among `names`, and the loops with what they were made from."""
    found: list[tuple[str, str]] = []
    for name, value in sorted(names.items()):
        if isinstance(value, (int, float, np.generic)):
            found.append((name, repr(value)))
        elif (cache := getattr(value, "_cache", None)) is not None and hasattr(cache, "_cache_file"):
            found.append((name, str(cache._cache_file._source_stamp)))
    return found


def in_threads(work: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """Do `work` on each of `things`, several at a time, and return the results in order."""
    if len(things) < 2:
        return [work(thing) for thing in things]
    return list(_threads().map(work, things))


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="compiled")
