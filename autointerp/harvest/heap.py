"""Memory that was freed goes back to the system: glibc keeps it for each thread, and takes new memory all the same."""

import ctypes
import sys
import time

SECONDS = 5.0


class Heap:
    """The heap of this process, looked after every few seconds."""

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        self._last = time.monotonic()

    def tidy(self) -> None:
        """Give back what is free, if the last time is a while ago; nothing where the C library has no such call."""
        if self._trim is not None and time.monotonic() - self._last > SECONDS:
            self._trim(0)
            self._last = time.monotonic()
