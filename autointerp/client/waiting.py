"""Waiting for the end of runs and harvests, with a look now and then."""

import asyncio
import time
from collections.abc import Callable, Iterator

from autointerp.api.schemas.harvests import Harvest
from autointerp.api.schemas.runs import RunPage
from autointerp.client.calls import Call
from autointerp.client.resource import AsyncResource, Resource
from autointerp.errors import Unavailable

POLL = 1.0  # seconds between looks
OnRun = Callable[[RunPage], None]
OnHarvest = Callable[[Harvest], None]


class RunsWaiting(Resource):
    """Waits for runs."""

    def wait(
        self, run_id: str, *, timeout: float | None = None, poll: float = POLL, on_progress: OnRun | None = None
    ) -> RunPage:
        """Return the run when it has ended; Unavailable after `timeout` seconds, while it goes on."""
        for pause in _pauses(f"the run {run_id}", timeout, poll):
            page = self.connection.make(_run(run_id))
            if on_progress is not None:
                on_progress(page)
            if page.state.ended:
                return page
            time.sleep(pause)
        raise AssertionError("pauses end with an error")


class AsyncRunsWaiting(AsyncResource):
    """Waits for runs."""

    async def wait(self, run_id: str, *, poll: float = POLL, on_progress: OnRun | None = None) -> RunPage:
        """Return the run when it has ended; `asyncio.timeout` limits the wait."""
        while True:
            page = await self.connection.make(_run(run_id))
            if on_progress is not None:
                on_progress(page)
            if page.state.ended:
                return page
            await asyncio.sleep(poll)


class HarvestsWaiting(Resource):
    """Waits for harvests."""

    def wait(
        self, harvest_id: str, *, timeout: float | None = None, poll: float = POLL, on_progress: OnHarvest | None = None
    ) -> Harvest:
        """Return the harvest when it has ended; Unavailable after `timeout` seconds, while it goes on."""
        for pause in _pauses(f"the harvest {harvest_id}", timeout, poll):
            found = self.connection.make(_harvest(harvest_id))
            if on_progress is not None:
                on_progress(found)
            if found.state.ended:
                return found
            time.sleep(pause)
        raise AssertionError("pauses end with an error")


class AsyncHarvestsWaiting(AsyncResource):
    """Waits for harvests."""

    async def wait(self, harvest_id: str, *, poll: float = POLL, on_progress: OnHarvest | None = None) -> Harvest:
        """Return the harvest when it has ended; `asyncio.timeout` limits the wait."""
        while True:
            found = await self.connection.make(_harvest(harvest_id))
            if on_progress is not None:
                on_progress(found)
            if found.state.ended:
                return found
            await asyncio.sleep(poll)


def _run(run_id: str) -> Call[RunPage]:
    return Call("GET", f"/v1/runs/{Resource.part(run_id)}", RunPage)


def _harvest(harvest_id: str) -> Call[Harvest]:
    return Call("GET", f"/v1/harvests/{Resource.part(harvest_id)}", Harvest)


def _pauses(what: str, timeout: float | None, poll: float) -> Iterator[float]:
    """Yield before each look how long to sleep after it; Unavailable when the time is over."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = poll if end is None else min(poll, max(0.0, end - time.monotonic()))
        yield left
        if left == 0:
            raise Unavailable(f"{what} has not ended after {timeout:g} seconds; it goes on, wait for it again")
