"""Harvest: the shards of one pass over a corpus, then their merging, which stores what every feature shows.

What needs torch is imported where it is called, in the thread of the device: a worker without harvests needs none.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from autointerp.errors import AutointerpError, DamagedFile, Unavailable
from autointerp.jobs import tasks
from autointerp.jobs.endings import fail_harvest, settle_waiting
from autointerp.jobs.records import Leaving, Stop, Submitter
from autointerp.pipeline.attempts import ATTEMPTS, PAUSE, persevere
from autointerp.pipeline.device import Device, Halted
from autointerp.pipeline.leftovers import sweep
from autointerp.pipeline.shards import NoteTally, ShardFolder, ShardStore
from autointerp.pipeline.subjects import Subjects
from autointerp.storage import harvests
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, HarvestState

MERGE, MENDING = "merge", "mending"


@dataclass(frozen=True, slots=True)
class Field:
    """What harvesting works with; `shards` is one place for all workers of a harvest."""

    database: Database
    jobs: Submitter
    device: Device
    subjects: Subjects
    shards: ShardStore


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a harvest that a job does: a shard or the merging, with the generation of the job."""

    harvest: HarvestRecord
    name: str
    generation: int
    folder: ShardFolder


Work = Callable[[Callable[[], bool]], None]


async def run_shard(field: Field, harvest_id: str, shard: int, generation: int, *, stop: Stop) -> None:
    """Harvest one shard; whoever finishes the last one queues the merging."""
    from autointerp.pipeline.shard_pass import pass_over

    part = await asyncio.to_thread(_open, field, harvest_id, f"shard-{shard}", generation)
    if part is None:
        await asyncio.to_thread(settle_waiting, field.database, field.jobs, harvest_id)
        return
    work = partial(
        pass_over, field.database, field.subjects, part.harvest, shard, part.folder, stop, generation=generation
    )
    if await _carry_out(field, part, work):
        await asyncio.to_thread(_merge_if_finished, field, part)


async def run_merge(field: Field, harvest_id: str, generation: int, *, stop: Stop) -> None:
    """Merge the shards, store every feature, and start the runs that waited for it; make damaged shards again."""
    from autointerp.pipeline.merging import merge_and_store

    part = await asyncio.to_thread(_open, field, harvest_id, MERGE, generation)
    if part is not None:
        damage: list[str] = []

        def merge(halted: Callable[[], bool]) -> None:
            try:
                merge_and_store(field.database, field.subjects, part.harvest, part.folder, stop, halted)
            except DamagedFile as error:
                damage.append(error.detail)

        if not await _carry_out(field, part, merge):
            return
        if damage:
            await asyncio.to_thread(_mend, field, part, damage[0])
    await asyncio.to_thread(_close, field, harvest_id)


def _open(field: Field, harvest_id: str, name: str, generation: int) -> Part | None:
    """Return a part of a harvest, which is running; None when it has ended."""
    with field.database.write() as session:
        under_way = (HarvestState.WAITING, HarvestState.RUNNING)
        if not harvests.set_state(session, harvest_id, HarvestState.RUNNING, origins=under_way):
            return None
        record = harvests.get(session, harvest_id)
    return Part(record, name, generation, field.shards.folder(harvest_id))


async def _carry_out(field: Field, part: Part, work: Work) -> bool:
    """Do a part of a harvest on the device; False: it cannot be done, and the harvest has failed."""

    async def on_device() -> None:
        try:
            await field.device.run(work)
        except Halted as halted:
            raise Leaving from halted

    what = f"{part.name} of harvest {part.harvest.id}"
    reason: str | None = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            reason = await persevere(
                NoteTally(part.folder, part.name), on_device, what=what, unavailable_is_final=False
            )
            break
        except Unavailable as error:  # the notes themselves cannot be read or written
            reason = error.detail
            await asyncio.sleep(PAUSE * attempt)
        except AutointerpError as error:
            reason = error.detail
            break
    if reason is not None:
        await asyncio.to_thread(_fail, field, part, reason)
    return reason is None


def _merge_if_finished(field: Field, part: Part) -> None:
    """Queue the merging when no shard is missing; of the newest generation, so that all who see it queue the same."""
    if part.folder.finished(part.harvest.spec.shards):
        tasks.submit_merge(field.jobs, part.harvest.id, generation=_newest(field, part))


def _mend(field: Field, part: Part, damage: str) -> None:
    """Queue the damaged shards again, a few times at most."""
    with field.database.read() as session:
        if harvests.get(session, part.harvest.id).state.ended:
            return  # another worker has merged them and deleted them
    if NoteTally(part.folder, MENDING).begin() > ATTEMPTS:
        _fail(field, part, f"{damage}; it was, {ATTEMPTS} times, and is damaged again: check the disk")
        return
    part.folder.forget(MERGE)
    damaged = part.folder.drop_damaged(part.harvest.spec.shards)
    generation = _newest(field, part) + 1
    tasks.submit_shards(field.jobs, part.harvest.id, damaged, generation=generation)
    if not damaged:
        tasks.submit_merge(field.jobs, part.harvest.id, generation=generation)


def _fail(field: Field, part: Part, reason: str) -> None:
    """End a harvest, unless it has been resumed since: then the jobs of its newest generation see to it."""
    if _newest(field, part) != part.generation:
        return
    with suppress(Unavailable):  # that may be the reason
        for name in (part.name, MENDING):
            part.folder.forget(name)
    fail_harvest(field.database, part.harvest.id, reason)
    tasks.cancel_all(field.jobs, f"{tasks.harvest_prefix(part.harvest.id)}{part.generation}/")


def _newest(field: Field, part: Part) -> int:
    return tasks.next_generation(field.jobs.status(tasks.harvest_prefix(part.harvest.id))) - 1


def _close(field: Field, harvest_id: str) -> None:
    """See to the runs that waited for a harvest which has ended, and to the files of one that is finished."""
    settle_waiting(field.database, field.jobs, harvest_id)
    with field.database.read() as session:
        finished = harvests.get(session, harvest_id).state is HarvestState.FINISHED
    if finished:
        sweep(field.database, field.shards, datetime.now(UTC))
