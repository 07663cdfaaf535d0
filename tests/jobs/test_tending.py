"""A harvest does not stand still because a process died between two steps, nor do the runs that wait for it."""

from collections.abc import Mapping
from typing import Any

import pytest

from autointerp.domain.specs import CorpusSpec, HarvestSpec, RunSpec, SaeSpec, SubjectSpec
from autointerp.jobs import tasks
from autointerp.jobs.endings import fail_harvest
from autointerp.jobs.records import Stop
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.jobs.taking_up import take_up
from autointerp.jobs.tending import Tending
from autointerp.storage import harvests, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, HarvestState, RunRecord, RunState
from tests.jobs.conftest import OnDuty
from tests.jobs.test_duty import until

SPEC = HarvestSpec(
    subject=SubjectSpec(model="a model"),
    saes=(SaeSpec(path="an SAE"),),
    corpus=CorpusSpec(kind="stdlib"),
    shards=2,
)


@pytest.fixture
def harvest(database: Database) -> HarvestRecord:
    """A harvest that was stored and not queued."""
    with database.write() as session:
        return harvests.create(session, SPEC)


@pytest.fixture
def run(database: Database, harvest: HarvestRecord) -> RunRecord:
    """A run that waits for the harvest."""
    spec = RunSpec.model_validate({"harvest": harvest.id, "explainers": ["token_statistics"]})
    with database.write() as session:
        made = runs.create(session, spec, harvest_id=harvest.id, idempotency_key=None)
        runs.set_state(session, made.id, RunState.HARVESTING)
    return made


def queued(jobs: DbosSubmitter) -> list[str]:
    return [job.id.partition("/")[2].partition("/")[2] for job in jobs.status("harvest/") if job.state.live]


def test_a_harvest_without_a_job_is_taken_up_at_the_second_look(
    database: Database, jobs: DbosSubmitter, harvest: HarvestRecord
) -> None:
    tending = Tending(database, jobs)

    tending.look()
    at_first = queued(jobs)
    tending.look()
    tending.look()

    assert at_first == []
    assert queued(jobs) == ["0/0", "0/1"]


def test_a_harvest_whose_jobs_wait_is_left_alone(
    database: Database, jobs: DbosSubmitter, harvest: HarvestRecord
) -> None:
    tasks.submit_shards(jobs, harvest.id, [1], generation=0)
    tending = Tending(database, jobs)

    for _ in range(3):
        tending.look()

    assert queued(jobs) == ["0/1"]


def test_a_harvest_that_is_taken_up_again_counts_its_tokens_from_none(
    database: Database, jobs: DbosSubmitter, harvest: HarvestRecord
) -> None:
    tasks.submit_shards(jobs, harvest.id, range(2), generation=0)
    tasks.cancel_all(jobs, tasks.harvest_prefix(harvest.id))
    with database.write() as session:
        harvests.add_tokens(session, harvest.id, 100)

    take_up(database, jobs, harvest)

    assert queued(jobs) == ["1/0", "1/1"]
    with database.read() as session:
        assert harvests.get(session, harvest.id).tokens_done == 0


def test_a_run_ends_in_the_same_moment_as_the_harvest_it_waits_for(
    database: Database, harvest: HarvestRecord, run: RunRecord
) -> None:
    fail_harvest(database, harvest.id, "the disk is full")

    with database.read() as session:
        assert harvests.get(session, harvest.id).error == "the disk is full"
        assert runs.get(session, run.id).error == "the harvest failed: the disk is full"


def test_a_harvest_that_is_finished_cannot_fail_any_more(database: Database, harvest: HarvestRecord) -> None:
    with database.write() as session:
        harvests.finish(session, harvest.id, seconds=1)

    fail_harvest(database, harvest.id, "a worker came late")

    with database.read() as session:
        assert harvests.get(session, harvest.id).state is HarvestState.FINISHED


def test_a_run_whose_harvest_ended_unnoticed_ends_at_the_next_look(
    database: Database, jobs: DbosSubmitter, harvest: HarvestRecord, run: RunRecord
) -> None:
    with database.write() as session:
        harvests.set_state(session, harvest.id, HarvestState.CANCELLED)

    Tending(database, jobs).look()

    with database.read() as session:
        assert runs.get(session, run.id).state is RunState.FAILED
        assert runs.get(session, run.id).error == "its harvest was cancelled; resume it to go on"


def test_a_harvest_whose_job_met_something_unforeseen_fails_instead_of_being_tried_for_ever(
    database: Database, jobs: DbosSubmitter, duty: OnDuty, harvest: HarvestRecord, run: RunRecord
) -> None:
    async def stumble(args: Mapping[str, Any], stop: Stop) -> None:
        raise RuntimeError("unforeseen")

    prefix = tasks.harvest_prefix(harvest.id)
    jobs.submit(f"{prefix}0/0", queue="llm", handler="shard", args={})
    with duty({"shard": stumble}):
        until(lambda: not tasks.live_parts(jobs.status(prefix)))
    tending = Tending(database, jobs)

    tending.look()
    tending.look()

    with database.read() as session:
        assert harvests.get(session, harvest.id).state is HarvestState.FAILED
        assert "its log says what" in (harvests.get(session, harvest.id).error or "")
        assert runs.get(session, run.id).state is RunState.FAILED
