"""The books of the LLM layer kept in the database: replies, ledger, budgets and rates."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Attempt, Reserved
from autointerp.errors import Unavailable
from autointerp.storage import budgets, calls, rates, replies
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.group_commit import LIMIT, GroupCommit


class SqlAllowance:
    """The budget of one run in the database."""

    def __init__(self, commits: GroupCommit, run_id: str) -> None:
        self._commits = commits
        self._run_id = run_id

    async def reserve(self, reserved: Reserved) -> bool:
        """Set aside this much; False when the budget does not hold it. A cancelled task has reserved nothing."""
        reserving = asyncio.ensure_future(self._commits.run_many(reserve_all, (self._run_id, reserved)))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            if await reserving:
                await self.give_back(reserved)
            raise

    async def affords(self, reserved: Reserved) -> bool:
        """Whether the budget would hold this if all that any worker has set aside were given back."""
        return await asyncio.to_thread(self._affords, reserved)

    async def give_back(self, reserved: Reserved) -> None:
        """Set it aside no longer."""
        await self._commits.run(lambda session: budgets.settle(session, self._run_id, reserved, cost=0, tokens=0))

    def _affords(self, reserved: Reserved) -> bool:
        with self._commits.database.read() as session:
            return budgets.affords(session, self._run_id, reserved)


@dataclass(frozen=True, slots=True)
class Books:
    """All books of one database, written by group commit."""

    commits: GroupCommit
    finds: "GroupFind"

    @classmethod
    def over(cls, commits: GroupCommit) -> "Books":
        """Keep books by these commits."""
        return cls(commits, GroupFind(commits.database))

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under `key`."""
        return await self.finds.find(key)

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, reserved: Reserved | None = None) -> None:
        """Write a line, keep the reply and settle, in one transaction; it is safe when this returns, and done even if
        the task is cancelled meanwhile.

        Where the database breaks off, the transaction may have been committed all the same; so it is looked for, and
        written once more only if it is not there. Unavailable when that fails too, and nobody knows which it is.
        """
        entry = Entry(attempt, keep, reserved)
        try:
            await self.commits.run_many(enter_all, entry)
        except Unavailable:
            await self.commits.run_many(enter_missing, entry)

    async def turn(self, bucket: str, cost: float, *, burst: float) -> float:
        """Return how many seconds to wait before taking from a bucket that the workers of this database share."""
        return await self.commits.run(lambda session: rates.turn(session, bucket, cost, burst=burst))

    def allowance(self, run: str) -> SqlAllowance:
        """Return the budget of one run, which must have been opened (`budgets.open_budget`)."""
        return SqlAllowance(self.commits, run)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger with what belongs to it: the reply to keep, and what was reserved for it."""

    attempt: Attempt
    keep: Reply | None
    reserved: Reserved | None


def enter_all(session: WriteSession, entries: Sequence[Entry]) -> list[None]:
    """Write all lines, keep all replies, and settle each run's budget once."""
    calls.record(session, [entry.attempt for entry in entries])
    replies.keep_all(session, {one.attempt.request: one.keep for one in reversed(entries) if one.keep is not None})
    for run_id in dict.fromkeys(entry.attempt.run for entry in entries if entry.reserved is not None):
        if run_id is not None:
            mine = [entry for entry in entries if entry.attempt.run == run_id and entry.reserved is not None]
            budgets.settle(
                session,
                run_id,
                total(entry.reserved for entry in mine if entry.reserved is not None),
                cost=sum(entry.attempt.cost or 0 for entry in mine),
                tokens=sum(entry.attempt.usage.total for entry in mine),
            )
    return [None] * len(entries)


def enter_missing(session: WriteSession, entries: Sequence[Entry]) -> list[None]:
    """Enter those whose lines are not in the ledger. A transaction that was lost sight of may be about to commit them;
    it holds the budgets that it settles, and is waited for there."""
    for run_id in sorted({entry.attempt.run for entry in entries if entry.attempt.run and entry.reserved is not None}):
        budgets.lock(session, run_id)
    there = calls.stored(session, [entry.attempt for entry in entries])
    if missing := [entry for entry in entries if entry.attempt not in there]:
        enter_all(session, missing)
    return [None] * len(entries)


def reserve_all(session: WriteSession, wanted: Sequence[tuple[str, Reserved]]) -> list[bool]:
    """Set aside what each asks for; where a run's budget does not hold it all, one after the other."""
    held: dict[str, bool] = {}
    for run_id in dict.fromkeys(run_id for run_id, _ in wanted):
        together = total(reserved for of, reserved in wanted if of == run_id)
        held[run_id] = budgets.reserve(session, run_id, together)
    return [held[run_id] or budgets.reserve(session, run_id, reserved) for run_id, reserved in wanted]


def total(parts: Iterable[Reserved]) -> Reserved:
    """Add up."""
    parts = list(parts)
    return Reserved(cost=sum(part.cost for part in parts), tokens=sum(part.tokens for part in parts))


class GroupFind:
    """Looks up the replies that concurrent tasks ask for in one query: while one runs, the next one gathers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, asyncio.Future[Reply | None]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under `key`."""
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
        found = self._waiting[key]
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return await asyncio.shield(found)

    async def _read(self) -> None:
        while self._waiting:
            asked = dict(list(self._waiting.items())[:LIMIT])
            for key in asked:
                del self._waiting[key]
            try:
                kept = await asyncio.to_thread(self._find, list(asked))
            except Exception as error:  # noqa: BLE001 (it is handed to the tasks that asked)
                for future in asked.values():
                    future.set_exception(error)
                continue
            for key, future in asked.items():
                future.set_result(kept.get(key))

    def _find(self, keys: Sequence[str]) -> dict[str, Reply]:
        with self._database.read() as session:
            return replies.find_all(session, keys)


@asynccontextmanager
async def open_books(database: Database) -> AsyncGenerator[Books]:
    """Open the books for the tasks of this event loop; on leaving, everything is committed."""
    commits = GroupCommit(database)
    try:
        yield Books.over(commits)
    finally:
        await commits.close()
