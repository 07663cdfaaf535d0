"""The web server of `autointerp serve`, which says that it leaves before it does."""

import signal
import threading
from types import FrameType

import uvicorn

from autointerp.api.leaving import Leaving
from autointerp.collector import old_memory_left_alone


class _Server(uvicorn.Server):
    """Told to stop by SIGTERM, it goes on for `notice` seconds while `/ready` says no, so that whoever balances the
    load looks elsewhere; then it takes no more connections and lets requests under way end. Ctrl-C needs no notice."""

    def __init__(self, config: uvicorn.Config, *, leaving: Leaving, notice: float) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._notice = notice

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Raise the flag, and stop when the notice is over; a second signal does not wait for it."""
        again = self._leaving.begun
        self._leaving.begin()
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif again or not self._notice:
            self._stop()
        else:
            timer = threading.Timer(self._notice, self._stop)
            timer.daemon = True
            timer.start()

    def _stop(self) -> None:
        """Stop in order; unlike uvicorn's own way this does not end the process, whose worker is to be told next."""
        self.should_exit = True


def serve_until_told(config: uvicorn.Config, *, leaving: Leaving, notice: float) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    with old_memory_left_alone():
        _Server(config, leaving=leaving, notice=notice).run()
