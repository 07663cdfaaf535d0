"""A job whose taking got lost on the way to the worker is not lost."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from autointerp.jobs.engine import is_busy
from autointerp.jobs.place import SCHEMA, TABLE, beside
from autointerp.jobs.records import JobState, Stop
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.storage.engine import Database
from tests.jobs.conftest import OnDuty

ELSEWHERE = "harvest"  # a queue that the worker of these tests does not serve


def take(database: Database, job: str, worker: str) -> None:
    """Let a job stand as taken by a worker, as when the database commits that and breaks off before it says so."""
    place = beside(database.url)
    table = TABLE if place.file else f"{SCHEMA}.{TABLE}"
    engine = sa.create_engine(place.url)
    with engine.begin() as connection:
        statement = f"UPDATE {table} SET status = 'PENDING', executor_id = :worker WHERE workflow_uuid = :job"
        connection.execute(sa.text(statement), {"worker": worker, "job": job})
    engine.dispose()


def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


def test_a_job_that_a_living_worker_has_taken_and_not_begun_goes_back_on_its_queue(
    database: Database, jobs: DbosSubmitter, duty: OnDuty
) -> None:
    jobs.submit("run/1", queue=ELSEWHERE, handler="note", args={})

    with duty({}) as worker:
        take(database, "run/1", worker)

        until(lambda: jobs.status("run/1")[0].state is JobState.QUEUED)


def test_a_job_that_takes_long_is_left_to_its_worker(database: Database, jobs: DbosSubmitter, duty: OnDuty) -> None:
    begun = threading.Event()
    times = []

    async def take_long(args: Mapping[str, Any], stop: Stop) -> None:
        times.append(time.monotonic())
        begun.set()
        await asyncio.sleep(2.5)  # five looks

    jobs.submit("run/1", queue="llm", handler="take_long", args={})
    assert not is_busy()
    with duty({"take_long": take_long}):
        begun.wait(20)
        assert is_busy()
        until(lambda: jobs.status("run/1")[0].state is JobState.DONE)

    assert len(times) == 1
