"""A worker on duty does each job it is given, and gives back what it cannot finish."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest

from autointerp.errors import Conflict, Unavailable
from autointerp.jobs.records import Handler, JobState, Leaving, Stop
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.storage import workers
from autointerp.storage.engine import Database

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OnDuty = Callable[[Mapping[str, Handler]], AbstractContextManager[str]]


class Notes:
    """Handlers that note what they are given."""

    def __init__(self) -> None:
        self.seen: list[Mapping[str, Any]] = []
        self.begun = threading.Event()
        self.cut = threading.Event()

    async def note(self, args: Mapping[str, Any], stop: Stop) -> None:
        self.seen.append(args)
        self.begun.set()

    async def wait(self, args: Mapping[str, Any], stop: Stop) -> None:
        await self.note(args, stop)
        try:
            await asyncio.sleep(60)
        finally:
            self.cut.set()

    async def wait_politely(self, args: Mapping[str, Any], stop: Stop) -> None:
        await self.note(args, stop)
        while not stop():  # noqa: ASYNC110 - the handler is told by a question, not by an event
            await asyncio.sleep(0.01)
        raise Leaving

    async def fail(self, args: Mapping[str, Any], stop: Stop) -> None:
        raise ValueError("a mistake")


@pytest.fixture
def notes() -> Notes:
    return Notes()


def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.01)


def state(jobs: DbosSubmitter, job: str) -> JobState:
    return next(one.state for one in jobs.status(job))


def test_a_job_is_done_with_the_arguments_it_was_given(jobs: DbosSubmitter, duty: OnDuty, notes: Notes) -> None:
    jobs.submit("run/1", queue="llm", handler="note", args={"run": "ä", "chunk": 3})

    with duty({"note": notes.note}):
        until(lambda: state(jobs, "run/1") is JobState.DONE)

    assert notes.seen == [{"run": "ä", "chunk": 3}]


def test_a_second_submission_of_an_id_is_the_same_job(jobs: DbosSubmitter, duty: OnDuty, notes: Notes) -> None:
    jobs.submit("run/1", queue="llm", handler="note", args={"n": 1})
    jobs.submit("run/1", queue="llm", handler="note", args={"n": 2})

    with duty({"note": notes.note}):
        until(lambda: state(jobs, "run/1") is JobState.DONE)
        jobs.submit("run/1", queue="llm", handler="note", args={"n": 3})
        jobs.submit("run/2", queue="llm", handler="note", args={"n": 4})
        until(lambda: state(jobs, "run/2") is JobState.DONE)

    assert notes.seen == [{"n": 1}, {"n": 4}]


def test_a_cancel_reaches_a_running_handler_within_two_seconds(jobs: DbosSubmitter, duty: OnDuty, notes: Notes) -> None:
    jobs.submit("run/1", queue="llm", handler="wait", args={})

    with duty({"wait": notes.wait}):
        until(notes.begun.is_set)
        jobs.cancel(["run/1"])

        assert notes.cut.wait(2)
        assert state(jobs, "run/1") is JobState.CANCELLED


@on_sqlite
def test_a_cancelled_job_can_be_resumed(jobs: DbosSubmitter, duty: OnDuty, notes: Notes) -> None:
    jobs.submit("run/1", queue="llm", handler="note", args={})
    jobs.cancel(["run/1"])

    jobs.resume(["run/1"], queue="llm")
    with duty({"note": notes.note}):
        until(lambda: state(jobs, "run/1") is JobState.DONE)

    assert len(notes.seen) == 1


@on_sqlite
def test_a_handler_that_raises_fails_its_job_and_no_other(jobs: DbosSubmitter, duty: OnDuty, notes: Notes) -> None:
    jobs.submit("run/1", queue="llm", handler="fail", args={})
    jobs.submit("run/2", queue="llm", handler="note", args={})

    with duty({"fail": notes.fail, "note": notes.note}):
        until(lambda: not any(job.state.live for job in jobs.status("run/")))

    assert [job.state for job in jobs.status("run/")] == [JobState.FAILED, JobState.DONE]


@on_sqlite
@pytest.mark.parametrize("handler", ["wait", "wait_politely"])
def test_a_worker_that_leaves_puts_its_jobs_back_on_the_queue(
    jobs: DbosSubmitter, duty: OnDuty, notes: Notes, handler: str
) -> None:
    jobs.submit("run/1", queue="llm", handler=handler, args={})

    with duty({handler: getattr(notes, handler)}):
        until(notes.begun.is_set)

    (job,) = jobs.status("run/1")
    assert (job.state, job.queue) == (JobState.QUEUED, "llm")


@on_sqlite
def test_a_worker_signs_on_and_off(database: Database, duty: OnDuty) -> None:
    def known() -> list[str]:
        with database.read() as session:
            return [row.id for row in workers.list_workers(session)]

    with duty({}) as worker:
        during = known()

    assert during == [worker]
    assert known() == []


@on_sqlite
def test_one_process_runs_one_worker(duty: OnDuty) -> None:
    with duty({}), pytest.raises(Conflict, match="another process"), duty({}):
        pass


@on_sqlite
def test_a_handler_that_lacks_something_is_run_again_until_it_is_there(jobs: DbosSubmitter, duty: OnDuty) -> None:
    tries: list[int] = []

    async def lack(args: Mapping[str, Any], stop: Stop) -> None:
        tries.append(1)
        if len(tries) < 2:
            raise Unavailable("the database is locked")

    jobs.submit("run/1", queue="llm", handler="lack", args={})
    with duty({"lack": lack}):
        until(lambda: state(jobs, "run/1") is JobState.DONE)

    assert len(tries) == 2


@on_sqlite
def test_purged_jobs_are_forgotten(jobs: DbosSubmitter) -> None:
    jobs.submit("run/1", queue="llm", handler="note", args={})
    jobs.submit("run/2", queue="llm", handler="note", args={})
    jobs.submit("other/1", queue="llm", handler="note", args={})

    jobs.purge("run/")

    assert jobs.status("run/") == ()
    assert [job.id for job in jobs.status("other/")] == ["other/1"]
