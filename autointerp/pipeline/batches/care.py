"""One look at one batch: hand it in, find it again, see how far it is, read its results, close it."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from autointerp.domain.ledger import Reserved
from autointerp.llm.base import BadRequest, CallFailed, EndpointRefused, Lapsed, RateLimited, Unreachable
from autointerp.llm.batches.base import BatchDriver, Line, Remote, Sighting, Stage, Submitted
from autointerp.llm.batches.policy import BatchPolicy
from autointerp.pipeline.batches.booking import Booking
from autointerp.pipeline.summarise import halt
from autointerp.storage import batch_items, batches, budgets, runs
from autointerp.storage.batch_records import BatchItem, BatchRecord, BatchState
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.records import RunState
from autointerp.storage.tables.base import now

JITTER = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Care:
    """Looks after one batch, which this worker has claimed."""

    database: Database
    driver: BatchDriver
    booking: Booking
    policy: BatchPolicy
    batch: BatchRecord

    async def look(self) -> timedelta:
        """Do what can be done now, and return when to look again."""
        if self.batch.state is BatchState.SUBMITTING:
            return await self._hand_in()
        return await self._look_at_remote()

    async def _hand_in(self) -> timedelta:
        batch = self.batch
        if batch.submitted_at is not None:
            seen = await self._find()
            if isinstance(seen, Submitted):
                _log.warning("batch %s is found at the vendor as %s", batch.id, seen.remote_id)
                return await self._adopt(seen)
            if seen is Sighting.PERHAPS or now() - batch.submitted_at < timedelta(seconds=self.policy.grace):
                return self._pause()
        if batch.cancel or not await asyncio.to_thread(self._wanted):
            await self._write(lambda session: self._withdraw(session, BatchState.CANCELLED, None))
            return timedelta()
        return await self._submit()

    async def _submit(self) -> timedelta:
        lines = await asyncio.to_thread(self._lines)
        await self._write(lambda session: batches.note_attempt(session, self.batch.id, now()))
        try:
            made = await self.driver.submit(self.batch.tag, lines)
        except CallFailed as error:
            return await self._not_submitted(error)
        return await self._adopt(made)

    async def _not_submitted(self, error: CallFailed) -> timedelta:
        """Where the vendor has refused, there is no batch; after anything else there may be one."""
        if isinstance(error, EndpointRefused):
            await self._write(lambda session: self._withdraw(session, BatchState.FAILED, error.detail))
            await asyncio.to_thread(halt, self.database, self.batch.run_id, RunState.FAILED, error.detail)
            return timedelta()
        if isinstance(error, BadRequest):
            await self._write(lambda session: self._lapse_all(session, BatchState.FAILED, error.detail))
            return timedelta()
        never = isinstance(error, RateLimited) or (isinstance(error, Unreachable) and error.said.usage is not None)
        await self._write(lambda session: batches.note_attempt(session, self.batch.id, None if never else now()))
        raise error

    async def _find(self) -> Submitted | Sighting:
        batch = self.batch
        known = await asyncio.to_thread(self._known)
        return await self.driver.find(batch.tag, requests=batch.requests, since=batch.created_at, known=known)

    async def _adopt(self, made: Submitted) -> timedelta:
        await self._write(
            lambda session: batches.adopt(session, self.batch.id, remote_id=made.remote_id, input_file=made.input_file)
        )
        return self._pause()

    async def _look_at_remote(self) -> timedelta:
        assert self.batch.remote_id is not None
        try:
            remote = await self.driver.look(self.batch.remote_id)
            if remote.stage is Stage.WORKING and self.batch.cancel:
                await self._cancel(self.batch.remote_id)
            if remote.stage is Stage.ENDED:
                await self._ingest(self.batch.remote_id)
        except CallFailed as error:
            if self._age() < self.policy.give_up:
                raise
            why = f"the batch could not be read for too long: {error.detail}"
            await self._write(lambda session: self._lapse_all(session, BatchState.FAILED, why))
            return timedelta()
        if remote.stage is Stage.FAILED:
            await self._write(lambda session: self._failed(session, remote))
        await self._write(lambda session: batches.note_done(session, self.batch.id, remote.done))
        if remote.stage is not Stage.WORKING:
            await self._clean_up()
        return self._pause()

    async def _cancel(self, remote_id: str) -> None:
        try:
            await self.driver.cancel(remote_id)
        except BadRequest as error:  # it is being cancelled already, or has just ended
            _log.info("batch %s cannot be cancelled: %s", self.batch.id, error)

    async def _ingest(self, remote_id: str) -> None:
        """Book the results line by line; what was booked before is left alone, so it may be done again at any time."""
        failures: list[CallFailed] = []
        lines: dict[str, Line] = {}
        async with aclosing(self.driver.results(remote_id)) as results:  # pyright: ignore[reportArgumentType]
            async for line in results:
                lines[line.custom_id] = line
                if len(lines) >= self.policy.commit:
                    failures += await self._book(lines)
                    lines = {}
        failures += await self._book(lines)
        end = BatchState.CANCELLED if self.batch.cancel else BatchState.INGESTED
        await self._write(lambda session: self._lapse_all(session, end, None))
        dead = next((error for error in failures if error.endpoint_dead), None)
        if dead is not None:
            await asyncio.to_thread(halt, self.database, self.batch.run_id, RunState.FAILED, dead.detail)

    async def _book(self, lines: dict[str, Line]) -> list[CallFailed]:
        def write() -> list[CallFailed]:
            with self.database.write() as session:
                batches.renew(session, self.batch.id, lease=timedelta(seconds=self.policy.lease))
                return self.booking.book_lines(session, lines)

        return await asyncio.to_thread(write)

    async def _clean_up(self) -> None:
        if self.batch.input_file is None:
            return
        try:
            await self.driver.clean_up(self.batch.input_file)
        except CallFailed as error:
            _log.warning("the requests of batch %s stay at the vendor until they expire: %s", self.batch.id, error)

    def _failed(self, session: WriteSession, remote: Remote) -> None:
        if remote.full and self.batch.requests > 1:
            self._withdraw(session, BatchState.FAILED, remote.error, full=True)
        else:
            self._lapse_all(session, BatchState.FAILED, remote.error)

    def _withdraw(self, session: WriteSession, state: BatchState, error: str | None, *, full: bool = False) -> None:
        """Close a batch of which nothing was read, and let its requests wait as if it had never been."""
        items = batch_items.sent(session, self.batch.id)
        for item in items:
            batch_items.wait_again(session, item.id, lapses=item.lapses, malformed=item.malformed, error=error)
        self._give_back(session, items)
        batches.close(session, self.batch.id, state, error=error, full=full)

    def _lapse_all(self, session: WriteSession, state: BatchState, error: str | None) -> None:
        """Close a batch; the requests that it did not answer wait for another one, or are sent online at last."""
        why = error or "the batch ended without an answer to this request"
        items = batch_items.sent(session, self.batch.id)
        self.booking.book(session, [(item, self.booking.failed(item, Lapsed(why))) for item in items])
        batches.close(session, self.batch.id, state, error=error)

    def _give_back(self, session: WriteSession, items: Sequence[BatchItem]) -> None:
        cost, tokens = sum(item.reserved_cost for item in items), sum(item.reserved_tokens for item in items)
        budgets.settle(session, self.batch.run_id, Reserved(cost=cost, tokens=tokens), cost=0, tokens=0)

    def _lines(self) -> list[bytes]:
        with self.database.read() as session:
            items = batch_items.sent(session, self.batch.id)
        return [self.driver.line(item.custom_id or "", item.request) for item in items]

    def _wanted(self) -> bool:
        with self.database.read() as session:
            return runs.get(session, self.batch.run_id).state is RunState.RUNNING

    def _known(self) -> frozenset[str]:
        with self.database.read() as session:
            return batches.known(session, self.batch.endpoint)

    def _age(self) -> float:
        return (now() - (self.batch.submitted_at or self.batch.created_at)).total_seconds()

    def _pause(self) -> timedelta:
        seconds = min(max(self._age() / 10, self.policy.poll_first), self.policy.poll_max)
        return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))

    async def _write(self, work: Callable[[WriteSession], None]) -> None:
        def write() -> None:
            with self.database.write() as session:
                work(session)

        await asyncio.to_thread(write)
