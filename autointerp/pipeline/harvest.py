"""Harvest: the shards of one pass over a corpus, then their merging, which stores what every feature shows.

What needs torch is imported where it is called, in the thread of the device: a worker without harvests needs none.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autointerp.errors import AutointerpError
from autointerp.jobs import tasks
from autointerp.jobs.expansion import expand, waiting_for
from autointerp.jobs.records import Leaving, Stop, Submitter
from autointerp.pipeline.attempts import persevere
from autointerp.pipeline.device import Device, Halted
from autointerp.pipeline.shards import NoteTally, ShardFolder
from autointerp.pipeline.subjects import Subjects
from autointerp.pipeline.summarise import halt
from autointerp.storage import harvests
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, HarvestState, RunState

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Field:
    """What harvesting works with; `data_dir` is shared by all workers of a harvest."""

    database: Database
    jobs: Submitter
    device: Device
    subjects: Subjects
    data_dir: Path

    def folder(self, harvest_id: str) -> ShardFolder:
        """Where the shards of a harvest are kept until they are merged."""
        return ShardFolder.of(self.data_dir, harvest_id)


async def run_shard(field: Field, harvest_id: str, shard: int, generation: int, *, stop: Stop) -> None:
    """Harvest one shard; whoever finishes the last one queues the merging."""
    from autointerp.pipeline.shard_pass import all_finished, pass_over

    record = await asyncio.to_thread(_open, field.database, harvest_id)
    if record is None:
        return
    work = partial(pass_over, field.database, field.subjects, record, shard, field.folder(harvest_id), stop)
    if await _harvest(field, record, f"shard-{shard}", work):
        done = await asyncio.to_thread(all_finished, record.spec, field.folder(harvest_id))
        if done:
            await asyncio.to_thread(tasks.submit_merge, field.jobs, harvest_id, generation=generation)


async def run_merge(field: Field, harvest_id: str, *, stop: Stop) -> None:
    """Merge the shards, store every feature, and start the runs that waited for it."""
    from autointerp.pipeline.merging import merge_and_store

    record = await asyncio.to_thread(_open, field.database, harvest_id)
    if record is not None:
        work = partial(merge_and_store, field.database, field.subjects, record, field.folder(harvest_id), stop)
        if not await _harvest(field, record, "merge", work):
            return
    if await asyncio.to_thread(_finished, field.database, harvest_id):
        await asyncio.to_thread(_start_runs, field, harvest_id)
        await asyncio.to_thread(field.folder(harvest_id).remove)


async def _harvest(field: Field, record: HarvestRecord, name: str, work: Callable[[Callable[[], bool]], None]) -> bool:
    """Do a part of a harvest on the device; False: it cannot be done, and the harvest has failed."""

    async def on_device() -> None:
        try:
            await field.device.run(work)
        except Halted as halted:
            raise Leaving from halted

    tally = NoteTally(field.folder(record.id), name)
    try:
        reason = await persevere(tally, on_device, what=f"{name} of harvest {record.id}", unavailable_is_final=False)
    except AutointerpError as error:
        reason = error.detail
    if reason is not None:
        await asyncio.to_thread(_fail, field, record, name, reason)
    return reason is None


def _open(database: Database, harvest_id: str) -> HarvestRecord | None:
    """Return the harvest, running; None when it has ended."""
    with database.write() as session:
        under_way = (HarvestState.WAITING, HarvestState.RUNNING)
        if not harvests.set_state(session, harvest_id, HarvestState.RUNNING, origins=under_way):
            return None
        return harvests.get(session, harvest_id)


def _fail(field: Field, record: HarvestRecord, name: str, reason: str) -> None:
    with field.database.write() as session:
        if not harvests.fail(session, record.id, reason):
            return
    _log.warning("harvest %s failed: %s", record.id, reason)
    field.folder(record.id).forget(name)
    tasks.cancel_all(field.jobs, tasks.harvest_prefix(record.id))
    for run_id in waiting_for(field.database, record.id):
        halt(field.database, run_id, RunState.FAILED, f"the harvest failed: {reason}")


def _finished(database: Database, harvest_id: str) -> bool:
    with database.read() as session:
        return harvests.get(session, harvest_id).state is HarvestState.FINISHED


def _start_runs(field: Field, harvest_id: str) -> None:
    for run_id in waiting_for(field.database, harvest_id):
        try:
            expand(field.database, field.jobs, run_id)
        except AutointerpError as error:
            halt(field.database, run_id, RunState.FAILED, error.detail)
