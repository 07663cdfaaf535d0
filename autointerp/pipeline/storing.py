"""The storing of features batch after batch: one is cut while the one before is packed and another is written."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from autointerp.domain.corpus_text import CorpusText
from autointerp.domain.packed import HarvestedFeature
from autointerp.pipeline.device import Halted
from autointerp.storage import contexts, features, pools
from autointerp.storage.engine import Database
from autointerp.storage.feature_store import Batch

BATCH = 500  # features a transaction: long enough to be fast, short enough for others to write in between
AHEAD = 2  # batches that are packed or written while the next one is cut


def store_text(database: Database, harvest_id: str, texts: Iterable[CorpusText], leaving: Callable[[], bool]) -> None:
    """Store the text that examples are cut from, a piece a transaction; Halted when it is time to leave."""
    for text in texts:
        if leaving():
            raise Halted
        with database.write() as session:
            contexts.store(session, harvest_id, text)


def store_all(
    database: Database,
    harvest_id: str,
    sae_id: int,
    cut: Iterable[HarvestedFeature],
    leaving: Callable[[], bool],
) -> None:
    """Store the features of an SAE as they are cut, in the caller's thread; Halted when it is time to leave.

    The text of their examples must be stored already (`store_text`).
    """
    with database.read() as session:
        pools.load(session, harvest_id)  # so that it is unpacked once, and not for each batch
    packing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pack")
    storing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
    with packing, storing:
        under_way: deque[Future[None]] = deque()
        for batch in _batches(cut):
            if len(under_way) == AHEAD:
                under_way.popleft().result()
            if leaving():
                raise Halted
            packed = packing.submit(features.pack, batch, text_apart=True)
            under_way.append(storing.submit(_store, database, harvest_id, sae_id, packed))
        for stored in under_way:
            stored.result()


def _store(database: Database, harvest_id: str, sae_id: int, packed: Future[Batch]) -> None:
    batch = packed.result()
    with database.write() as session:
        features.store_packed(session, harvest_id=harvest_id, sae_id=sae_id, batch=batch)


def _batches(cut: Iterable[HarvestedFeature]) -> Iterator[list[HarvestedFeature]]:
    remaining = iter(cut)
    while batch := list(islice(remaining, BATCH)):
        yield batch
