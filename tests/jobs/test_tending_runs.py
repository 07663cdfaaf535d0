"""A run does not stand still, nor go on, because a process died between what it stored and what it queued."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from autointerp.jobs import tasks
from autointerp.jobs.records import Stop
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.jobs.tending import Tending
from autointerp.storage import budgets, run_features, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState
from tests.jobs.conftest import OnDuty
from tests.jobs.test_duty import until
from tests.storage.conftest import RUN, World, feature, world

__all__ = ["world"]


@pytest.fixture
def run_id(world: World) -> str:
    """A running run of five features in three chunks, whose jobs were never queued."""
    ids = world.store(*(feature(i) for i in range(5)))
    run_id = world.run()
    with world.database.write() as session:
        budgets.open_budget(session, run_id, RUN.budget)
        run_features.add(session, run_id, ids, chunk=2)
        runs.set_state(session, run_id, RunState.RUNNING)
    return run_id


def queued(jobs: DbosSubmitter) -> list[str]:
    return [job.id.split("/", 2)[2] for job in jobs.status("run/") if job.state.live]


def test_a_run_without_a_job_is_taken_up_at_the_second_look(
    database: Database, jobs: DbosSubmitter, run_id: str
) -> None:
    tending = Tending(database, jobs)

    tending.look()
    at_first = queued(jobs)
    tending.look()
    tending.look()

    assert at_first == []
    assert queued(jobs) == ["0/0", "0/1", "0/2"]


def test_a_run_that_has_a_job_is_left_alone(database: Database, jobs: DbosSubmitter, run_id: str) -> None:
    tasks.submit_chunks(jobs, run_id, [1], generation=0, priority=0)
    tending = Tending(database, jobs)

    for _ in range(3):
        tending.look()

    assert queued(jobs) == ["0/1"]


def test_a_run_whose_jobs_were_cancelled_for_a_pause_goes_on_when_it_was_resumed(
    database: Database, jobs: DbosSubmitter, run_id: str
) -> None:
    tasks.submit_chunks(jobs, run_id, range(3), generation=0, priority=0)
    tasks.cancel_all(jobs, tasks.run_prefix(run_id))
    tending = Tending(database, jobs)

    tending.look()
    tending.look()

    assert queued(jobs) == ["1/0", "1/1", "1/2"]


def test_a_run_in_which_nothing_waits_ends(database: Database, jobs: DbosSubmitter, run_id: str) -> None:
    with database.write() as session:
        run_features.finish(session, run_id, run_features.own(session, run_id))
    tending = Tending(database, jobs)

    tending.look()
    tending.look()

    with database.read() as session:
        assert runs.get(session, run_id).state is RunState.COMPLETE
    assert queued(jobs) == []


def test_a_run_whose_job_met_something_unforeseen_fails_instead_of_being_tried_for_ever(
    database: Database, jobs: DbosSubmitter, duty: OnDuty, run_id: str
) -> None:
    async def stumble(args: Mapping[str, Any], stop: Stop) -> None:
        raise RuntimeError("unforeseen")

    tasks.submit_chunks(jobs, run_id, [0], generation=0, priority=0)
    with duty({"chunk": stumble}):
        until(lambda: not jobs.has_live(tasks.run_prefix(run_id)))
    tending = Tending(database, jobs)

    tending.look()
    tending.look()

    with database.read() as session:
        run = runs.get(session, run_id)
    assert run.state is RunState.FAILED
    assert run.error == "a worker met something unforeseen; its log says what; resume the run to try again"


@pytest.mark.parametrize("told", [RunState.CANCELLED, RunState.PAUSED])
def test_what_is_done_for_a_run_stops_when_whoever_told_it_to_died_over_it(
    database: Database, jobs: DbosSubmitter, duty: OnDuty, run_id: str, told: RunState
) -> None:
    begun, cut = threading.Event(), threading.Event()

    async def go_on(args: Mapping[str, Any], stop: Stop) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            cut.set()

    tasks.submit_chunks(jobs, run_id, [0], generation=0, priority=0)
    with duty({"chunk": go_on}):
        until(begun.is_set)
        with database.write() as session:
            runs.set_state(session, run_id, told)

        assert cut.wait(10)
