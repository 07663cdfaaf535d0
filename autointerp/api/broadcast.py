"""One look at a run for all who follow it, again and again while anybody does."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from autointerp.api.schemas.runs import RunEvent
from autointerp.errors import Unavailable

PAUSE = 1.0  # seconds between two looks
HEARTBEAT = 15.0  # seconds without news after which a follower hears that there is none

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Channel:
    """The looks at one run. `news` is set, and another takes its place, at each look; `broken`: no more come."""

    looking: "asyncio.Task[None] | None" = None
    followers: int = 0
    broken: bool = False
    latest: RunEvent | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, event: RunEvent | None) -> None:
        self.latest = event or self.latest
        self.news.set()
        self.news = asyncio.Event()


class Broadcast:
    """Tells any number of followers on one event loop how far runs are; looks are made in a thread."""

    def __init__(self, look: Callable[[str], RunEvent], *, pause: float = PAUSE, heartbeat: float = HEARTBEAT) -> None:
        self._look = look
        self._pause = pause
        self._heartbeat = heartbeat
        self._channels: dict[str, _Channel] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def follow(self, run_id: str) -> AsyncGenerator[RunEvent | None]:
        """Yield each look at a run until it has ended or this server stops; None: there was no news for long."""
        self._loop = asyncio.get_running_loop()
        channel = self._join(run_id)
        seen: RunEvent | None = None
        try:
            while not (self._closed or channel.broken):
                news = channel.news
                if channel.latest is not seen:
                    yield (seen := channel.latest)
                    if seen is not None and seen.state.ended:
                        return
                elif not await _comes(news, self._heartbeat):
                    yield None
        finally:
            self._leave(run_id, channel)

    def close(self) -> None:
        """Let every follower go; may be called by any thread, or by what receives a signal."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for channel in self._channels.values():
            channel.tell(None)

    def _join(self, run_id: str) -> _Channel:
        channel = self._channels.get(run_id)
        if channel is None or channel.looking is None or channel.looking.done():
            channel = self._channels[run_id] = _Channel()
            channel.looking = asyncio.create_task(self._watch(run_id, channel))
        channel.followers += 1
        return channel

    def _leave(self, run_id: str, channel: _Channel) -> None:
        channel.followers -= 1
        if channel.followers == 0 and channel.looking is not None:
            channel.looking.cancel()
            if self._channels.get(run_id) is channel:
                del self._channels[run_id]

    async def _watch(self, run_id: str, channel: _Channel) -> None:
        while True:
            try:
                event = await asyncio.to_thread(self._look, run_id)
            except Unavailable as error:
                _log.warning("run %s is looked at later: %s", run_id, error)
            except Exception:  # noqa: BLE001 - logged, and whoever follows is let go and may ask again
                _log.exception("run %s cannot be looked at", run_id)
                channel.broken = True
                channel.tell(None)
                return
            else:
                channel.tell(event)
                if event.state.ended:
                    return
            await asyncio.sleep(self._pause)


async def _comes(news: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return False
    return True
