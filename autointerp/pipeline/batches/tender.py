"""The look after runs that ask through batches: hand in, look, read, and put chunks back on the queue."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from autointerp.errors import AutointerpError, Unavailable
from autointerp.jobs import tasks
from autointerp.jobs.records import JobState, Submitter
from autointerp.llm.base import Endpoint
from autointerp.pipeline.batches.booking import Booking
from autointerp.pipeline.batches.care import Care
from autointerp.pipeline.batches.drivers import Drivers
from autointerp.pipeline.batches.forming import form, refusal
from autointerp.pipeline.summarise import halt
from autointerp.storage import batch_items, batches, run_features, runs
from autointerp.storage.batch_records import BatchRecord
from autointerp.storage.engine import Database
from autointerp.storage.records import RunRecord, RunState

PAUSE_AFTER_TROUBLE = 60.0  # seconds
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tender:
    """Looks after all runs and batches of a database; any number of workers may do so at the same time."""

    database: Database
    jobs: Submitter
    drivers: Drivers

    async def look(self) -> None:
        """Look once; what goes wrong with one run or batch does not keep the others waiting."""
        for run in await asyncio.to_thread(self._runs):
            await self._noted(self._form(run), f"run {run.id}")
        for batch in await asyncio.to_thread(self._due):
            await self._noted(self._look_after(batch), f"batch {batch.id}")
        for run in await asyncio.to_thread(self._runs):
            await self._noted(asyncio.to_thread(self._go_on, run), f"run {run.id}")

    async def _noted(self, work: Awaitable[None], what: str) -> None:
        try:
            await work
        except Unavailable as error:
            _log.warning("%s is looked after later: %s", what, error)
        except AutointerpError as error:
            _log.warning("%s cannot be looked after: %s", what, error)
        except Exception:  # noqa: BLE001 - a mistake in one must not stop the look after the others
            _log.exception("%s cannot be looked after", what)

    def _runs(self) -> tuple[RunRecord, ...]:
        """The running runs that ask through batches."""
        found: list[RunRecord] = []
        after: str | None = None
        with self.database.read() as session:
            while page := runs.list_runs(session, state=RunState.RUNNING, after=after, limit=500):
                found += [run for run in page if run.spec.mode == "batch"]
                after = page[-1].id
        return tuple(found)

    def _due(self) -> tuple[BatchRecord, ...]:
        with self.database.read() as session:
            return batches.due(session)

    async def _form(self, run: RunRecord) -> None:
        if not await asyncio.to_thread(self._waits, run):
            return
        live = tasks.live_parts(await asyncio.to_thread(self.jobs.status, tasks.run_prefix(run.id)))
        if await form(self.database, self.drivers, run.id, collecting=bool(live)):
            why = await asyncio.to_thread(refusal, self.database, run.id)
            await asyncio.to_thread(halt, self.database, run.id, RunState.OUT_OF_BUDGET, why.detail)

    def _waits(self, run: RunRecord) -> bool:
        with self.database.read() as session:
            return bool(batch_items.groups(session, run.id))

    async def _look_after(self, found: BatchRecord) -> None:
        policy = self.drivers.endpoint(found.endpoint).batch
        # Handing in takes two posts; nobody else may believe the batch lost while they last.
        batch = await asyncio.to_thread(self._claim, found, timedelta(seconds=policy.lease + 2 * policy.timeout))
        if batch is None:
            return
        pause, error = (
            timedelta(seconds=max(PAUSE_AFTER_TROUBLE, policy.poll_first)),
            "something unforeseen; see the log",
        )
        try:
            driver, tariff = self.drivers.driver(batch.endpoint), self.drivers.tariff(batch.endpoint)
            care = Care(self.database, driver, Booking(batch, driver, tariff, policy.attempts), policy, batch)
            pause, error = await care.look(), None
        except AutointerpError as trouble:
            pause, error = timedelta(seconds=policy.poll_first), trouble.detail
            raise
        finally:
            await asyncio.to_thread(self._release, batch, pause, error)

    def _claim(self, found: BatchRecord, lease: timedelta) -> BatchRecord | None:
        with self.database.write() as session:
            return batches.get(session, found.id) if batches.claim(session, found.id, lease=lease) else None

    def _release(self, batch: BatchRecord, pause: timedelta, error: str | None) -> None:
        with self.database.write() as session:
            batches.release(session, batch, pause=pause, error=error)

    def _go_on(self, run: RunRecord) -> None:
        """Queue the chunks in which a feature waits and no request does, unless a worker has or will take them."""
        with self.database.read() as session:
            waiting = set(run_features.chunks(session, run.id)) - batch_items.open_chunks(session, run.id)
        if not waiting:
            return
        found = self.jobs.status(tasks.run_prefix(run.id))
        newest = tasks.newest(found)
        done = {number for number in waiting if str(number) in newest and newest[str(number)].state is JobState.DONE}
        tasks.submit_again(self.jobs, run.id, found, sorted(done), priority=run.priority)


def make_tender(database: Database, jobs: Submitter, endpoints: Mapping[str, Endpoint]) -> Tender:
    """Put a tender together; its drivers are to be closed."""
    return Tender(database, jobs, Drivers(endpoints))
