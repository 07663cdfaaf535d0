"""Vectors for explanations that have none, so that they can be searched by meaning: beside the jobs, lot by lot.

A worker looks for new explanations every few seconds. What it has not done when it dies, the next look finds.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby

from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.errors import InvalidInput, Unavailable
from autointerp.storage import harvests, vectors
from autointerp.storage.engine import Database
from autointerp.storage.vectors import Wordless

_log = logging.getLogger(__name__)

LOT = 512  # texts: between two lots others get their turn on the device
OVERLAP = 10_000  # explanations looked at again: one with a lower id may be committed later


class Embedding:
    """Embeds what has no vector; an embedding model that cannot be had is told once and left alone.

    `reach` is which models may be had.
    """

    def __init__(self, database: Database, device: str, reach: Reach = EVERYTHING) -> None:
        self._database = database
        self._device = device
        self._reach = reach
        self._seen = 0
        self._absent: set[str] = set()

    async def look(self, going_on: Callable[[], bool], told: Callable[[int], None]) -> int:
        """Embed what is new since the last look, and return how many explanations that were."""
        done = 0
        with self._database.read() as session:
            newest = vectors.newest_explanation(session)
        after = max(0, self._seen - OVERLAP)
        while going_on() and (lot := await asyncio.to_thread(self._missing, after)):
            for embedder, texts in groupby(lot, key=lambda one: one[0]):
                done += await self._embed(embedder, [wordless for _, wordless in texts])
                told(done)
            after = max(wordless.id for _, wordless in lot)
        if going_on():
            self._seen = newest
        return done

    def _missing(self, after: int) -> list[tuple[str, Wordless]]:
        """The next explanations without a vector, with the model that each is to have one by, sorted by that."""
        with self._database.read() as session:
            found = vectors.missing(session, after=after, limit=LOT)
            names = {one: harvests.get(session, one).spec.embedder for one in {two.harvest_id for two in found}}
        return sorted(((names[one.harvest_id], one) for one in found), key=lambda pair: (pair[0], pair[1].id))

    async def _embed(self, embedder: str, texts: Sequence[Wordless]) -> int:
        from autointerp.subject.device import on_device

        if embedder in self._absent:
            return 0
        try:
            await on_device(self._device, partial(self._store, embedder, texts))
        except InvalidInput as error:
            _log.warning("explanations cannot be searched by meaning: %s", error.detail)
            self._absent.add(embedder)
            return 0
        return len(texts)

    def _store(self, embedder: str, texts: Sequence[Wordless]) -> None:
        from autointerp.subject.embedder import open_embedder

        self._reach.check_model(embedder)
        model = open_embedder(embedder, device=self._device, pickles=self._reach.pickles)
        found = model.embed_now([one.text for one in texts])
        with self._database.write() as session:
            vectors.add(session, embedder, [one.id for one in texts], found)


def catch_up(database: Database, device: str, told: Callable[[int], None], *, reach: Reach) -> int:
    """Embed everything that has no vector, telling now and then how many are done; return how many it were."""
    return asyncio.run(Embedding(database, device, reach).look(lambda: True, told))


@contextmanager
def embedding(database: Database, device: str, *, reach: Reach, pause: float) -> Generator[None]:
    """Embed new explanations every `pause` seconds until the block is left, in a thread of its own."""
    leaving = threading.Event()
    work = Embedding(database, device, reach)
    thread = threading.Thread(target=lambda: asyncio.run(_work(work, pause, leaving)), name="embedding", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join()


async def _work(worker: Embedding, pause: float, leaving: threading.Event) -> None:
    while not await asyncio.to_thread(leaving.wait, pause):
        try:
            await worker.look(lambda: not leaving.is_set(), lambda _: None)
        except Unavailable as error:
            _log.warning("explanations are embedded later: %s", error)
        except Exception:  # noqa: BLE001 - the loop must outlive anything
            _log.exception("explanations are embedded later")
