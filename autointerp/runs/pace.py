"""How far and how fast a harvest is, all its workers together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from autointerp.jobs import tasks
from autointerp.jobs.records import Job, JobState
from autointerp.runs.desk import Desk
from autointerp.storage.records import HarvestRecord, HarvestState


@dataclass(frozen=True, slots=True)
class Pace:
    """`reading` is for how many seconds at least one worker had a shard in hand, loading models included; `merging`
    for how many one was merging them. `tokens_per_second` is over the time of reading; None: nothing was read yet.

    `workers` is how many are at it now.
    """

    shards_done: int
    workers: int
    reading: float
    merging: float
    tokens_per_second: float | None


def pace_of(desk: Desk, record: HarvestRecord) -> Pace:
    """Return the pace of a harvest, from its jobs."""
    found = desk.jobs.status(tasks.harvest_prefix(record.id))
    shards = tasks.shard_jobs(found)
    now = datetime.now(UTC)
    reading = busy_seconds(shards, now)
    finished = record.state is HarvestState.FINISHED
    return Pace(
        shards_done=record.spec.shards if finished else tasks.shards_done(found),
        workers=sum(job.state is JobState.RUNNING for job in found),
        reading=reading,
        merging=busy_seconds((job for job in found if job not in shards), now),
        tokens_per_second=record.tokens_done / reading if reading and record.tokens_done else None,
    )


def busy_seconds(jobs: Iterable[Job], moment: datetime) -> float:
    """Return for how many seconds until `moment` at least one of these jobs was being done."""
    spans = sorted(
        (job.began, moment if job.state is JobState.RUNNING else job.ended or job.began)
        for job in jobs
        if job.began is not None
    )
    seconds, until = 0.0, datetime.min.replace(tzinfo=UTC)
    for began, ended in spans:
        seconds += max(0.0, (ended - max(began, until)).total_seconds())
        until = max(until, ended)
    return seconds
