"""Loops over numbers, compiled to machine code on first use and kept on disk; they let other threads run meanwhile."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(loop: Callable[P, R]) -> Callable[P, R]:
    """Compile `loop`, which takes and returns numpy arrays and numbers."""
    njit: Any = numba.njit
    return cast("Callable[P, R]", njit(cache=True, nogil=True, error_model="numpy")(loop))
