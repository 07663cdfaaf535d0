"""Whether this process has been told to stop: then it is no longer ready, and whoever streams brings it to an end."""

import threading


class Leaving:
    """A flag that is raised once, from any thread or signal handler."""

    def __init__(self) -> None:
        self._told = threading.Event()

    def begin(self) -> None:
        """Raise it."""
        self._told.set()

    @property
    def begun(self) -> bool:
        """Whether it is raised; a stream asks between two events."""
        return self._told.is_set()
