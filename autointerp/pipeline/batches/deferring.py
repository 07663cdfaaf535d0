"""Answers what is known, and collects the rest for a batch: nobody waits for hours with a job in hand."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from autointerp.domain.calls import Complete, Reply, Request
from autointerp.errors import Deferred
from autointerp.llm.base import BadRequest, CallFailed, Malformed, MissingCapability
from autointerp.llm.budget import Withheld
from autointerp.storage import batch_items, replies
from autointerp.storage.batch_records import BatchItem, ItemState
from autointerp.storage.engine import Database

QUIET = 0.2  # seconds without a new request after which those that wait are stored
FAILURES: dict[str, type[CallFailed]] = {kind.__name__: kind for kind in (BadRequest, MissingCapability, Malformed)}


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass over a chunk; `generation` counts how often the run was resumed."""

    run: str
    chunk: int
    generation: int


@dataclass(slots=True)
class _Wanted:
    request: Request
    waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])


@dataclass(slots=True)
class Deferring:
    """The language models of one pass: `online` answers what is kept, and what batches failed to answer.

    A request that is not answered yet waits until no other one has come for a moment; then all that wait are stored in
    one transaction and end with Deferred. So what one feature asks at the same time goes into the same batch. What
    would be sent online but for the money that open batches hold waits for a batch too: nobody waits for theirs.
    """

    online: Complete
    database: Database
    turn: Turn
    _wanted: dict[str, _Wanted] = field(default_factory=dict[str, _Wanted])
    _timer: asyncio.TimerHandle | None = None
    _storing: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def complete(self, request: Request) -> Reply:
        """Answer the request, or raise Deferred, or what it failed with."""
        self._rest()
        item, reply = await asyncio.to_thread(self._look, request.key)
        if item is not None and item.generation == self.turn.generation:
            if item.state is ItemState.ANSWERED and reply is not None:
                return reply  # paid for by the batch, and booked on whatever asks for it
            if item.state is ItemState.FAILED:
                raise FAILURES.get(item.error_kind or "", BadRequest)(item.error or "the request failed")
        if reply is not None or (item is not None and item.state is ItemState.ONLINE):
            with suppress(Withheld):
                return await self.online.complete(request)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wanted.setdefault(request.key, _Wanted(request)).waiting.append(future)
        self._rest()
        await future
        raise AssertionError("what waits ends with an exception")

    async def close(self) -> None:
        """Store what is still wanted."""
        if self._timer is not None:
            self._timer.cancel()
        self._store()
        await asyncio.gather(*self._storing, return_exceptions=True)

    def _look(self, key: str) -> tuple[BatchItem | None, Reply | None]:
        with self.database.read() as session:
            return batch_items.find(session, self.turn.run, key), replies.find(session, key)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(QUIET, self._store)

    def _store(self) -> None:
        wanted, self._wanted = self._wanted, {}
        wanted = {key: one for key, one in wanted.items() if not all(future.done() for future in one.waiting)}
        if wanted:
            task = asyncio.create_task(self._defer(list(wanted.values())))
            self._storing.add(task)
            task.add_done_callback(self._storing.discard)

    async def _defer(self, wanted: list[_Wanted]) -> None:
        error: Exception | None = None
        try:
            await asyncio.to_thread(self._keep, [one.request for one in wanted])
        except Exception as raised:  # noqa: BLE001 - told to every task that waits
            error = raised
        for future in (future for one in wanted for future in one.waiting if not future.done()):
            future.set_exception(error or Deferred("the answer comes with a batch"))

    def _keep(self, requests: list[Request]) -> None:
        turn = self.turn
        with self.database.write() as session:
            batch_items.defer(session, turn.run, turn.chunk, turn.generation, requests)


@asynccontextmanager
async def deferring(online: Complete, database: Database, turn: Turn) -> AsyncGenerator[Deferring]:
    """Defer for as long as the block runs; then everything that was wanted is stored."""
    made = Deferring(online, database, turn)
    try:
        yield made
    finally:
        await made.close()
