"""Embedding lets the jobs in hand go first, but not forever."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

from autointerp.jobs.business import Business
from autointerp.pipeline.embedding import Embedding, embedding
from autointerp.storage.engine import Database


class Looks(Embedding):
    """Counts the looks and has nothing to embed."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "cpu")
        self.looked = threading.Event()

    async def look(self, going_on: Callable[[], bool], told: Callable[[int], None]) -> int:
        """Tell that somebody looked."""
        self.looked.set()
        return 0


def test_a_worker_with_nothing_else_to_do_embeds(database: Database) -> None:
    work = Looks(database)
    with embedding(work, pause=0.01, busy=lambda: False):
        assert work.looked.wait(10)


def test_while_jobs_are_in_hand_nothing_is_embedded(database: Database) -> None:
    work, busy, asked = Looks(database), True, threading.Semaphore(0)

    def is_busy() -> bool:
        asked.release()
        return busy

    with embedding(work, pause=0.001, busy=is_busy, wait=600):
        for _ in range(5):
            assert asked.acquire(timeout=10)
        assert not work.looked.is_set()
        busy = False
        assert work.looked.wait(10)


def test_a_worker_that_is_never_idle_embeds_all_the_same(database: Database) -> None:
    work = Looks(database)
    with embedding(work, pause=0.01, busy=lambda: True, wait=0.05):
        assert work.looked.wait(10)


async def test_a_job_is_in_hand_while_its_handler_runs_and_not_after_it_failed() -> None:
    business, go = Business(), asyncio.Event()

    async def handler(args: Mapping[str, Any], stop: Callable[[], bool]) -> None:
        await go.wait()
        if args:
            raise ValueError

    handlers = business.counted({"chunk": handler})
    assert not business.busy
    both = [asyncio.create_task(handlers["chunk"](args, lambda: False)) for args in ({}, {"wrong": 1})]
    await asyncio.sleep(0)
    assert business.busy
    go.set()
    fine, failed = await asyncio.gather(*both, return_exceptions=True)
    assert fine is None
    assert isinstance(failed, ValueError)
    assert not business.busy
