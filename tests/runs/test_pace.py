"""How fast a harvest is counts all its workers together, and no pauses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autointerp.jobs.records import Job, JobState
from autointerp.jobs.tasks import shards_done
from autointerp.runs import create_harvest, pace_of
from autointerp.runs.pace import busy_seconds
from autointerp.storage import harvests
from tests.pipeline.memory_queue import MemoryQueue
from tests.pipeline.world import World

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def job(part: str, state: JobState, began: float | None = None, ended: float | None = None, generation: int = 0) -> Job:
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else BEGAN + timedelta(seconds=seconds)

    return Job(f"harvest/h/{generation}/{part}", "harvest", state, None, at(began), at(ended))


@pytest.mark.parametrize(
    ("jobs", "seconds"),
    [
        ([], 0),
        ([job("0", JobState.QUEUED)], 0),
        ([job("0", JobState.DONE, 0, 4), job("1", JobState.DONE, 2, 5)], 5),
        ([job("0", JobState.DONE, 0, 4), job("1", JobState.DONE, 1, 2)], 4),
        ([job("0", JobState.CANCELLED, 0, 2), job("1", JobState.DONE, 7, 9)], 4),
        ([job("0", JobState.RUNNING, 6)], 4),
    ],
)
def test_time_counts_once_however_many_are_at_it_and_not_while_nobody_is(jobs: list[Job], seconds: float) -> None:
    assert busy_seconds(jobs, BEGAN + timedelta(seconds=10)) == seconds


def test_a_shard_that_is_made_again_is_not_done() -> None:
    found = [job("0", JobState.DONE), job("1", JobState.DONE), job("1", JobState.QUEUED, generation=1)]

    assert shards_done(found) == 1


async def test_a_harvest_tells_its_shards_and_a_finished_one_all_of_them(world: World) -> None:
    waiting = create_harvest(world.desk, world.harvest.model_copy(update={"seed": 5, "shards": 3}))
    with world.desk.database.read() as session:
        finished = harvests.list_harvests(session, after=None, limit=2)[1]

    paces = [pace_of(world.desk, record) for record in (waiting, finished)]

    assert [pace.shards_done for pace in paces] == [0, world.harvest.shards]
    assert [pace.tokens_per_second for pace in paces] == [None, None]


async def test_merging_does_not_count_as_reading(world: World) -> None:
    with world.desk.database.read() as session:
        record = harvests.list_harvests(session, after=None, limit=1)[0]
    jobs = [job("0", JobState.DONE, 0, 4), job("1", JobState.DONE, 2, 5), job("merge", JobState.DONE, 6, 8)]
    names = [one.id.replace("/h/", f"/{record.id}/") for one in jobs]
    queue = MemoryQueue(jobs={name: replace(one, id=name) for name, one in zip(names, jobs, strict=True)})

    pace = pace_of(replace(world.desk, jobs=queue), record)

    assert (pace.reading, pace.merging) == (5, 2)
    assert pace.tokens_per_second == record.tokens_done / 5
