"""Embedding lets the jobs in hand go first, but not forever."""

import threading
from collections.abc import Callable

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
