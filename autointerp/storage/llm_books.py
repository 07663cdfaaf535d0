"""The books of the LLM layer kept in the database: replies, ledger, budgets and rates."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Attempt, Funds, Hold, Reserved
from autointerp.errors import Unavailable
from autointerp.llm.waiting import may_be_left
from autointerp.storage import batch_items, budgets, calls, holds, rates, replies
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.group_commit import LIMIT, GroupCommit, Many
from autointerp.storage.holds import RunHold
from autointerp.storage.identifiers import new_identifier


class SqlAllowance:
    """The budget of one run in the database."""

    def __init__(self, books: "Books", run_id: str) -> None:
        self._books = books
        self._run_id = run_id

    async def reserve(self, wanted: Reserved) -> Hold | None:
        """Set aside this much; None when the budget does not hold it. A cancelled task has reserved nothing."""
        await self._books.catch_up()
        hold = holds.new_hold(wanted)
        reserving = asyncio.ensure_future(self._reserve(hold))
        try:
            return hold if await asyncio.shield(reserving) else None
        except asyncio.CancelledError:
            if await reserving:
                await self.give_back(hold)
            raise

    async def funds(self) -> Funds:
        """How the budget stands, whoever spends from it."""
        return await asyncio.to_thread(self._funds)

    async def give_back(self, hold: Hold) -> None:
        """Set it aside no longer."""
        await self._books.owing(holds.give_back, self._held(hold))

    async def _reserve(self, hold: Hold) -> bool:
        """Where the database breaks off, it may have committed all the same; then what nobody uses is given back."""
        try:
            return await self._books.commits.run_many(holds.add, self._held(hold))
        except Unavailable:
            self._books.owe(holds.give_back, self._held(hold))
            raise

    def _held(self, hold: Hold) -> RunHold:
        return RunHold(self._run_id, self._books.worker, hold)

    def _funds(self) -> Funds:
        with self._books.commits.database.read() as session:
            budget = budgets.get(session, self._run_id)
            batched = batch_items.reserved(session, self._run_id)
        return Funds(
            cap_cost=budget.cap_cost,
            cap_tokens=budget.cap_tokens,
            spent=Reserved(cost=budget.spent_cost, tokens=budget.spent_tokens),
            reserved=Reserved(cost=budget.reserved_cost, tokens=budget.reserved_tokens),
            batched=batched,
        )


@dataclass(frozen=True, slots=True)
class Debt:
    """What the database has still to take in; to do it twice is to do it once."""

    many: Many[Any, Any]
    item: Any


@dataclass(frozen=True, slots=True)
class Books:
    """All books of one database, written by group commit.

    What is set aside here is held by `worker`, and given back when that is taken for dead.
    """

    commits: GroupCommit
    finds: "GroupFind"
    worker: str
    debts: list[Debt] = field(default_factory=list[Debt])

    @classmethod
    def over(cls, commits: GroupCommit, *, worker: str) -> "Books":
        """Keep books by these commits."""
        return cls(commits, GroupFind(commits.database), worker)

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under `key`."""
        await self.catch_up()
        return await self.finds.find(key)

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, hold: Hold | None = None) -> None:
        """Write a line, keep the reply and settle, in one transaction; it is safe when this returns, and done even if
        the task is cancelled meanwhile.

        Where the database breaks off, the transaction may have been committed all the same; so it is looked for, and
        written once more only if it is not there. Unavailable when that fails too, and it is owed.
        """
        entry = Entry(attempt, keep, hold)
        try:
            await self.commits.run_many(enter_all, entry)
        except Unavailable:
            await self.owing(enter_missing, entry)

    async def owing(self, many: Many[Any, Any], item: Any) -> None:
        """Do this now; where the database cannot, it is owed, and Unavailable is raised."""
        try:
            await self.commits.run_many(many, item)
        except Unavailable:
            self.owe(many, item)
            raise

    def owe(self, many: Many[Any, Any], item: Any) -> None:
        """Have this done before anything else is looked up or set aside."""
        self.debts.append(Debt(many, item))

    async def catch_up(self) -> None:
        """Do what is owed; Unavailable as long as the database cannot."""
        while self.debts:
            debt = self.debts.pop()
            await asyncio.shield(may_be_left(asyncio.ensure_future(self.owing(debt.many, debt.item))))

    async def close(self) -> None:
        """Wait until everything is committed that the database takes."""
        with suppress(Unavailable):
            await self.catch_up()
        await self.commits.close()

    async def turn(self, bucket: str, cost: float, *, burst: float) -> float:
        """Return how many seconds to wait before taking from a bucket that the workers of this database share."""
        return await self.commits.run(lambda session: rates.turn(session, bucket, cost, burst=burst))

    def allowance(self, run: str) -> SqlAllowance:
        """Return the budget of one run, which must have been opened (`budgets.open_budget`)."""
        return SqlAllowance(self, run)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger with what belongs to it: the reply to keep, and what was set aside for it."""

    attempt: Attempt
    keep: Reply | None
    hold: Hold | None


def enter_all(session: WriteSession, entries: Sequence[Entry]) -> list[None]:
    """Write all lines, keep all replies, and settle each run's budget once."""
    calls.record(session, [entry.attempt for entry in entries])
    replies.keep_all(session, {one.attempt.request: one.keep for one in reversed(entries) if one.keep is not None})
    there = holds.end(session, [entry.hold for entry in entries if entry.hold is not None])
    for run_id in _budgets_of(entries):
        mine = [(entry.attempt, entry.hold) for entry in entries if entry.attempt.run == run_id]
        held = [(attempt, hold) for attempt, hold in mine if hold is not None]
        budgets.settle(
            session,
            run_id,
            holds.total(hold.reserved for _, hold in held if hold.id in there),
            cost=sum(attempt.cost or 0 for attempt, _ in held),
            tokens=sum(attempt.usage.total for attempt, _ in held),
        )
    return [None] * len(entries)


def enter_missing(session: WriteSession, entries: Sequence[Entry]) -> list[None]:
    """Enter those whose lines are not in the ledger. A transaction that was lost sight of may be about to commit them;
    it holds the budgets that it settles, and is waited for there."""
    for run_id in _budgets_of(entries):
        budgets.lock(session, run_id)
    there = calls.stored(session, [entry.attempt for entry in entries])
    if missing := [entry for entry in entries if entry.attempt not in there]:
        enter_all(session, missing)
    return [None] * len(entries)


def _budgets_of(entries: Sequence[Entry]) -> list[str]:
    return sorted({entry.attempt.run for entry in entries if entry.attempt.run and entry.hold is not None})


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
    books = Books.over(GroupCommit(database), worker=new_identifier())
    try:
        yield books
    finally:
        await books.close()
