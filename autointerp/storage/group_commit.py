"""Group commit: what concurrent tasks want to write goes into one transaction, and each hears when it is safe."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from autointerp.errors import Unavailable
from autointerp.storage.engine import Database, WriteSession

LIMIT = 256

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Callable[[WriteSession], Any]
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
        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
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
            outcomes = await asyncio.to_thread(_commit, self.database, [waiting.work for waiting in group])
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


def _commit(database: Database, works: Sequence[Callable[[WriteSession], Any]]) -> list[Any]:
    """Do all works in one transaction; when one fails, each in its own, so that it fails alone."""
    try:
        with database.write() as session:
            return [work(session) for work in works]
    except Unavailable as error:
        return [_Failed(error)] * len(works)
    except Exception as error:  # noqa: BLE001 (it is handed to the task whose work raised it)
        if len(works) == 1:
            return [_Failed(error)]
    return [_commit(database, [work])[0] for work in works]
