"""The merging of a harvest's shards and the storing of every feature.

Features are cut in the thread of the device; other threads pack and store those that were cut before.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autointerp.harvest.likeness import Embed, Likeness
from autointerp.harvest.merge import merge_shards
from autointerp.harvest.shard import shard_path
from autointerp.pipeline.device import Halted
from autointerp.pipeline.shards import ShardFolder
from autointerp.pipeline.storing import store_all, store_text
from autointerp.pipeline.subjects import Subjects
from autointerp.storage import harvests, pools, upkeep
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord

TEXTS = 1_000  # embedded at a time: a few seconds on a CPU


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
        for sae_id, broken in zip(sae_ids, merged.broken, strict=True):
            harvests.set_broken(session, record.id, sae_id, count=broken.count, contexts=broken.contexts)

    def leaving() -> bool:
        return halted() or stop()

    store_text(database, record.id, merged.texts(), leaving)
    embed = subjects.embed(spec)
    likeness = embed and Likeness.of(merged.pool, subject.model.vocabulary, partial(_embed, embed, leaving))
    for position, (sae_id, dictionary) in enumerate(zip(sae_ids, subject.dictionaries, strict=True)):
        cut = merged.features(position, dictionary, subject.model, likeness)
        store_all(database, record.id, sae_id, cut, leaving)
    with database.write() as session:
        total = harvests.get(session, record.id).tokens_total
        harvests.set_tokens(session, record.id, total or 0)
        harvests.finish(session, record.id, seconds=_shard_seconds(folder, spec.shards) + time.monotonic() - begun)
    upkeep.settle(database)


def _embed(embed: Embed, leaving: Callable[[], bool], texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed texts a part at a time; Halted when it is time to leave."""
    parts: list[NDArray[np.float32]] = []
    for first in range(0, max(1, len(texts)), TEXTS):
        if leaving():
            raise Halted
        parts.append(embed(texts[first : first + TEXTS]))
    return np.concatenate(parts)


def _shard_seconds(folder: ShardFolder, shards: int) -> float:
    return sum(folder.read(f"shard-{shard}").seconds for shard in range(shards))
