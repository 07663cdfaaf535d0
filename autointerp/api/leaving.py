"""Whether this process has been told to stop: then it is no longer ready, and whoever streams brings it to an end."""

import threading
from collections.abc import Callable


class Leaving:
    """A flag that is raised once, from any thread or signal handler; `tell` is called then."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._told = threading.Event()
        self._tell = tell

    def begin(self) -> None:
        """Raise it."""
        self._told.set()
        self._tell()

    @property
    def begun(self) -> bool:
        """Whether it is raised; a stream asks between two events."""
        return self._told.is_set()
