"""Group commit: what concurrent tasks want to write goes into one transaction, and each hears when it is safe."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from autointerp.errors import Unavailable
from autointerp.storage.engine import Database, WriteSession

LIMIT = 256

R = TypeVar("R")
T = TypeVar("T")
Many = Callable[[WriteSession, Sequence[T]], Sequence[R]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Work that a task waits for: `many` does it to its item and to those of all others that wait for the same."""

    many: Many[Any, Any]
    item: Any
    done: asyncio.Future[Any]


class GroupCommit:
    """Writes for the tasks of one event loop. No timer: while one transaction commits, the next one gathers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[WriteSession], R]) -> R:
        """Do `work` in a transaction shared with others and return its result once that is committed.

        A task that is cancelled while it waits does not undo its work. Work must not keep the session.
        """
        return await self.run_many(_each, work)

    async def run_many(self, many: Many[T, R], item: T) -> R:
        """Have `many` done to this item in a transaction shared with others, and to all items that wait for the same at
        once; return the item's result. Where the items cannot be done together each is tried alone."""
        waiting = _Waiting(many, item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await waiting.done

    async def close(self) -> None:
        """Wait until everything is committed."""
        while self._waiting or (self._writer is not None and not self._writer.done()):
            if self._writer is None or self._writer.done():
                self._writer = asyncio.create_task(self._write())
            await asyncio.shield(self._writer)

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:LIMIT], self._waiting[LIMIT:]
            outcomes = await asyncio.to_thread(_commit, self.database, group)
            for waiting, outcome in zip(group, outcomes, strict=True):
                _tell(waiting.done, outcome)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


def _tell(done: asyncio.Future[Any], outcome: object) -> None:
    if done.done():  # its task was cancelled meanwhile
        return
    if isinstance(outcome, _Failed):
        done.set_exception(outcome.error)
    else:
        done.set_result(outcome)


def _each(session: WriteSession, works: Sequence[Callable[[WriteSession], Any]]) -> list[Any]:
    return [work(session) for work in works]


def _commit(database: Database, group: Sequence[_Waiting]) -> list[Any]:
    """Do all works in one transaction; when one fails, each in its own, so that it fails alone."""
    try:
        with database.write() as session:
            return _done(session, group)
    except Unavailable as error:
        return [_Failed(error)] * len(group)
    except Exception as error:  # noqa: BLE001 (it is handed to the task whose work raised it)
        if len(group) == 1:
            return [_Failed(error)]
    return [_commit(database, [waiting])[0] for waiting in group]


def _done(session: WriteSession, group: Sequence[_Waiting]) -> list[Any]:
    """Do the works kind by kind, in the order in which each kind first came."""
    places: dict[Many[Any, Any], list[int]] = {}
    for place, waiting in enumerate(group):
        places.setdefault(waiting.many, []).append(place)
    outcomes: list[Any] = [None] * len(group)
    for many, mine in places.items():
        for place, outcome in zip(mine, many(session, [group[place].item for place in mine]), strict=True):
            outcomes[place] = outcome
    return outcomes
