"""The books of the LLM layer kept in the database: replies, ledger and budgets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from autointerp.domain.calls import Reply
from autointerp.domain.ledger import Attempt
from autointerp.storage import budgets, calls, replies
from autointerp.storage.engine import Database
from autointerp.storage.group_commit import GroupCommit


class SqlReplies:
    """Keeps replies in the database."""

    def __init__(self, commits: GroupCommit) -> None:
        self._commits = commits

    async def get(self, key: str) -> Reply | None:
        """Return the reply kept under `key`."""
        return await asyncio.to_thread(self._find, key)

    async def put(self, key: str, reply: Reply) -> None:
        """Keep a reply; it is safe when this returns."""
        await self._commits.run(lambda session: replies.keep(session, key, reply))

    def _find(self, key: str) -> Reply | None:
        with self._commits.database.read() as session:
            return replies.find(session, key)


class SqlLedger:
    """Writes the ledger to the database."""

    def __init__(self, commits: GroupCommit) -> None:
        self._commits = commits

    async def record(self, attempt: Attempt) -> None:
        """Add a line; it is safe when this returns, and written even if the task is cancelled meanwhile."""
        await self._commits.run(lambda session: calls.record(session, [attempt]))


class SqlAllowance:
    """The budget of one run in the database."""

    def __init__(self, commits: GroupCommit, run_id: str) -> None:
        self._commits = commits
        self._run_id = run_id

    async def reserve(self, *, cost: int, tokens: int) -> bool:
        """Set aside this much; False when the budget does not hold it. A cancelled task has reserved nothing."""
        reserving = asyncio.ensure_future(
            self._commits.run(lambda session: budgets.reserve(session, self._run_id, cost=cost, tokens=tokens))
        )
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            if await reserving:
                await self.settle(reserved_cost=cost, reserved_tokens=tokens, cost=0, tokens=0)
            raise

    async def affords(self, *, cost: int, tokens: int) -> bool:
        """Whether the budget would hold this if all that any worker has set aside were given back."""
        return await asyncio.to_thread(self._affords, cost, tokens)

    async def settle(self, *, reserved_cost: int, reserved_tokens: int, cost: int, tokens: int) -> None:
        """Give back what was reserved and book what was spent."""
        await self._commits.run(
            lambda session: budgets.settle(
                session,
                self._run_id,
                reserved_cost=reserved_cost,
                reserved_tokens=reserved_tokens,
                cost=cost,
                tokens=tokens,
            )
        )

    def _affords(self, cost: int, tokens: int) -> bool:
        with self._commits.database.read() as session:
            return budgets.affords(session, self._run_id, cost=cost, tokens=tokens)


@dataclass(frozen=True, slots=True)
class Books:
    """All books of one database, written by group commit."""

    commits: GroupCommit

    @property
    def replies(self) -> SqlReplies:
        """The kept replies."""
        return SqlReplies(self.commits)

    @property
    def ledger(self) -> SqlLedger:
        """The ledger."""
        return SqlLedger(self.commits)

    def allowance(self, run_id: str) -> SqlAllowance:
        """The budget of one run, which must have been opened (`budgets.open_budget`)."""
        return SqlAllowance(self.commits, run_id)


@asynccontextmanager
async def open_books(database: Database) -> AsyncGenerator[Books]:
    """Open the books for the tasks of this event loop; on leaving, everything is committed."""
    commits = GroupCommit(database)
    try:
        yield Books(commits)
    finally:
        await commits.close()
