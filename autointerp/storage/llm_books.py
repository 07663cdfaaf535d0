"""The books of the LLM layer kept in the database: replies, ledger, budgets and rates."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Attempt, Reserved
from autointerp.storage import budgets, calls, rates, replies
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.group_commit import GroupCommit


class SqlAllowance:
    """The budget of one run in the database."""

    def __init__(self, commits: GroupCommit, run_id: str) -> None:
        self._commits = commits
        self._run_id = run_id

    async def reserve(self, reserved: Reserved) -> bool:
        """Set aside this much; False when the budget does not hold it. A cancelled task has reserved nothing."""
        reserving = asyncio.ensure_future(
            self._commits.run(lambda session: budgets.reserve(session, self._run_id, reserved))
        )
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

    async def find(self, key: str) -> Reply | None:
        """Return the reply kept under `key`."""
        return await asyncio.to_thread(self._find, key)

    async def book(self, attempt: Attempt, *, keep: Reply | None = None, reserved: Reserved | None = None) -> None:
        """Write a line, keep the reply and settle, in one transaction; it is safe when this returns, and done even if
        the task is cancelled meanwhile."""
        await self.commits.run(lambda session: enter(session, attempt, keep=keep, reserved=reserved))

    async def turn(self, bucket: str, cost: float, *, burst: float) -> float:
        """Return how many seconds to wait before taking from a bucket that the workers of this database share."""
        return await self.commits.run(lambda session: rates.turn(session, bucket, cost, burst=burst))

    def allowance(self, run: str) -> SqlAllowance:
        """Return the budget of one run, which must have been opened (`budgets.open_budget`)."""
        return SqlAllowance(self.commits, run)

    def _find(self, key: str) -> Reply | None:
        with self.commits.database.read() as session:
            return replies.find(session, key)


def enter(session: WriteSession, attempt: Attempt, *, keep: Reply | None, reserved: Reserved | None) -> None:
    """Write a line of the ledger with what belongs to it: the reply to keep, and the settlement of the run's budget."""
    calls.record(session, [attempt])
    if keep is not None:
        replies.keep(session, attempt.request, keep)
    if reserved is not None and attempt.run is not None:
        budgets.settle(session, attempt.run, reserved, cost=attempt.cost or 0, tokens=attempt.usage.total)


@asynccontextmanager
async def open_books(database: Database) -> AsyncGenerator[Books]:
    """Open the books for the tasks of this event loop; on leaving, everything is committed."""
    commits = GroupCommit(database)
    try:
        yield Books(commits)
    finally:
        await commits.close()
