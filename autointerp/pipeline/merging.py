"""The merging of a harvest's shards and the storing of every feature, in the thread of the device."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from autointerp.harvest.merge import merge_shards
from autointerp.harvest.shard import shard_path
from autointerp.pipeline.device import Halted
from autointerp.pipeline.shards import ShardFolder
from autointerp.pipeline.subjects import Subjects
from autointerp.storage import features, harvests, pools
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord

BATCH = 500  # features a transaction: long enough to be fast, short enough for others to write in between

T = TypeVar("T")


def merge_and_store(
    database: Database,
    subjects: Subjects,
    record: HarvestRecord,
    folder: ShardFolder,
    stop: Callable[[], bool],
    halted: Callable[[], bool],
) -> None:
    """Merge the shards and store the pool and every feature of every SAE; what is stored already stays."""
    begun = time.monotonic()
    spec = record.spec
    subject = subjects.subject(spec)
    merged = merge_shards([shard_path(folder.path, shard, spec.shards) for shard in range(spec.shards)], spec)
    with database.write() as session:
        pools.store(session, record.id, merged.pool)
        sae_ids = harvests.get(session, record.id).sae_ids
    for position, (sae_id, dictionary) in enumerate(zip(sae_ids, subject.dictionaries, strict=True)):
        for batch in _batches(merged.features(position, dictionary, subject.model), BATCH):
            if halted() or stop():
                raise Halted
            with database.write() as session:
                features.store(session, harvest_id=record.id, sae_id=sae_id, features=batch)
    with database.write() as session:
        total = harvests.get(session, record.id).tokens_total
        harvests.set_tokens(session, record.id, total or 0)
        harvests.finish(session, record.id, seconds=_shard_seconds(folder, spec.shards) + time.monotonic() - begun)


def _batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(things)
    while batch := list(islice(remaining, size)):
        yield batch


def _shard_seconds(folder: ShardFolder, shards: int) -> float:
    return sum(folder.read(f"shard-{shard}").seconds for shard in range(shards))
