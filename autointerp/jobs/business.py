"""Whether this worker has jobs in hand, so that what can wait lets them go first."""

from collections.abc import Mapping
from typing import Any

from autointerp.jobs.records import Handler, Stop


class Business:
    """Counts the jobs whose handlers run."""

    def __init__(self) -> None:
        self._jobs = 0

    @property
    def busy(self) -> bool:
        """Whether a handler runs now."""
        return self._jobs > 0

    def counted(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The same handlers, which are counted while they run."""
        return {name: self._one(handler) for name, handler in handlers.items()}

    def _one(self, handler: Handler) -> Handler:
        async def run(args: Mapping[str, Any], stop: Stop) -> None:
            self._jobs += 1
            try:
                await handler(args, stop)
            finally:
                self._jobs -= 1

        return run
