"""PostgreSQL is killed under a worker: the job in hand is finished, and new ones are taken, once it runs again."""

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from autointerp.jobs.duty import on_duty
from autointerp.jobs.engine import QueueOptions, worker_name
from autointerp.jobs.place import beside
from autointerp.jobs.records import JobState, Stop
from autointerp.jobs.submitter import DbosSubmitter, open_submitter
from autointerp.storage import workers
from autointerp.storage.engine import Database
from tests.crash.postgres import Postgres, postgres

pytestmark = pytest.mark.e2e


@pytest.fixture
def server() -> Generator[Postgres]:
    """A server that no other test uses."""
    with postgres() as running:
        yield running


def until(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.05)


def states(jobs: DbosSubmitter) -> list[JobState]:
    return [job.state for job in jobs.status("run/")]


def test_a_worker_outlives_its_database(server: Postgres) -> None:
    database = Database(server.make("killed"))
    begun, back = threading.Event(), threading.Event()

    async def work(args: Mapping[str, Any], stop: Stop) -> None:
        begun.set()
        await asyncio.to_thread(back.wait)
        with database.write() as session:
            workers.beat(session, f"job {args['n']}", kind="worker", queues=[])

    async def close() -> None:
        """There is nothing to close."""

    with (
        open_submitter(beside(database.url)) as jobs,
        on_duty(
            database,
            jobs,
            {"work": work},
            worker=worker_name(),
            queues=(QueueOptions("llm", concurrency=1, polling=0.05),),
            lease=timedelta(seconds=60),  # that nobody takes the jobs' rows for those of dead workers
            drain=2,
            closing=close,
        ),
    ):
        jobs.submit("run/1", queue="llm", handler="work", args={"n": 1})
        until(begun.is_set)
        server.kill()
        back.set()
        time.sleep(0.5)  # in which the job meets a database that is not there
        server.start()
        until(lambda: states(jobs) == [JobState.DONE])
        jobs.submit("run/2", queue="llm", handler="work", args={"n": 2})
        until(lambda: states(jobs) == [JobState.DONE] * 2)

    with database.read() as session:
        assert {"job 1", "job 2"} <= {row.id for row in workers.list_workers(session)}
    database.close()
