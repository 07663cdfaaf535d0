"""Runs: one for each key, moved only along allowed ways, settled once whatever the number of workers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from autointerp.domain.calls import Usage
from autointerp.domain.ledger import Attempt, AttemptStatus
from autointerp.errors import Conflict, NotFound
from autointerp.storage import budgets, calls, run_features, runs
from autointerp.storage.records import Failure, RunState

from .conftest import RUN, World, feature


def attempt(run: str | None, *, status: AttemptStatus = AttemptStatus.ANSWERED, cost: int | None = 7) -> Attempt:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Attempt(
        run=run,
        request="r" * 64,
        prompt=None,
        endpoint="e",
        model_asked="m",
        model_answered=None,
        status=status,
        attempt=1,
        usage=Usage(input=10, output=5, reasoning=2),
        cost=cost,
        provider_request=None,
        error=None,
        started_at=now,
        finished_at=now,
    )


@pytest.fixture
def ids(world: World) -> tuple[int, ...]:
    """Five features."""
    return world.store(*(feature(i) for i in range(5)))


@pytest.fixture
def run_id(world: World, ids: tuple[int, ...]) -> str:
    """A running run of five features in chunks of two."""
    run_id = world.run()
    with world.database.write() as session:
        budgets.open_budget(session, run_id, RUN.budget)
        assert run_features.add(session, run_id, ids, chunk=2) == 3
        assert runs.set_state(session, run_id, RunState.RUNNING)
    return run_id


def test_a_key_stands_for_one_run(world: World) -> None:
    with world.database.write() as session:
        first = runs.create(session, RUN, harvest_id=world.harvest, idempotency_key="key")

        assert runs.create(session, RUN, harvest_id=world.harvest, idempotency_key="key") == first
        assert runs.create(session, RUN, harvest_id=world.harvest, idempotency_key=None) != first
        other = RUN.model_copy(update={"seed": 1})
        with pytest.raises(Conflict, match="another spec"):
            runs.create(session, other, harvest_id=world.harvest, idempotency_key="key")
        assert (first.spec, first.spec_digest, first.state) == (RUN, RUN.digest, RunState.WAITING)


def test_many_requests_with_one_key_at_once_make_one_run(world: World) -> None:
    def create(_: int) -> str:
        with world.database.write() as session:
            return runs.create(session, RUN, harvest_id=None, idempotency_key="key").id

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(create, range(12)))) == 1


def test_runs_are_listed_newest_first_and_by_state(world: World) -> None:
    made = [world.run() for _ in range(3)]
    with world.database.write() as session:
        runs.set_state(session, made[1], RunState.RUNNING)

        everything = runs.list_runs(session, state=None, after=None, limit=10)
        running = runs.list_runs(session, state=RunState.RUNNING, after=None, limit=10)
        older = runs.list_runs(session, state=None, after=made[1], limit=10)

    assert made[::-1] == [run.id for run in everything]
    assert [made[1]] == [run.id for run in running]
    assert [made[0]] == [run.id for run in older]


@pytest.mark.parametrize(
    ("way", "allowed"),
    [
        ((RunState.HARVESTING, RunState.RUNNING, RunState.CANCELLED, RunState.WAITING), True),
        ((RunState.RUNNING, RunState.OUT_OF_BUDGET, RunState.RUNNING), True),
        ((RunState.FAILED, RunState.HARVESTING), True),
        ((RunState.RUNNING, RunState.RUNNING), True),
        ((RunState.RUNNING, RunState.COMPLETE, RunState.RUNNING), False),
        ((RunState.RUNNING, RunState.COMPLETE, RunState.CANCELLED), False),
        ((RunState.COMPLETE,), False),
        ((RunState.CANCELLED, RunState.COMPLETE), False),
    ],
)
def test_a_run_moves_only_along_allowed_ways(world: World, way: tuple[RunState, ...], allowed: bool) -> None:
    run_id = world.run()

    with world.database.write() as session:
        moved = [runs.set_state(session, run_id, state, error="why") for state in way]
        run = runs.get(session, run_id)

    assert moved == [True] * (len(way) - 1) + [allowed]
    if allowed:
        assert run.state == way[-1]
        assert (run.finished_at is not None) == run.state.ended


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.RUNNING])
def test_a_run_can_be_moved_from_named_states_alone(world: World, state: RunState) -> None:
    run_id, waiting = world.run(), world.run()

    with world.database.write() as session:
        runs.set_state(session, run_id, state)
        runs.set_state(session, waiting, RunState.HARVESTING)
        moved = [
            runs.set_state(session, one, RunState.RUNNING, origins=(RunState.HARVESTING,)) for one in (run_id, waiting)
        ]

        assert moved == [False, True]
        assert runs.get(session, run_id).state is state
        assert runs.get(session, waiting).state is RunState.RUNNING


def test_features_wait_in_chunks_until_they_are_done(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    with world.database.write() as session:
        run_features.add(session, run_id, ids, chunk=2)
        assert run_features.chunks(session, run_id) == (0, 1, 2)
        assert [ids[2], ids[3]] == [row.feature_id for row in run_features.chunk(session, run_id, 1)]

        run_features.finish(session, run_id, [ids[2]])
        run_features.finish_all(session, [(run_id, ids[0]), ("another run", ids[4]), (run_id, ids[1])])

        assert run_features.chunks(session, run_id) == (1, 2)
        assert [3] == [row.index for row in run_features.chunk(session, run_id, 1)]


def test_attempts_count_for_what_waits_and_are_forgotten_on_resume(
    world: World, run_id: str, ids: tuple[int, ...]
) -> None:
    with world.database.write() as session:
        assert [1, 2] == [run_features.count_attempt(session, run_id, 0) for _ in range(2)]
        assert run_features.count_attempt(session, run_id, 1) == 1
        run_features.fail(session, run_id, {ids[0]: "broke", ids[1]: "broke too"})
        assert run_features.count_attempt(session, run_id, 0) == 0

        assert run_features.retry_failed(session, run_id) == 2

        assert run_features.count_attempt(session, run_id, 0) == 1


def test_what_is_done_does_not_fail_any_more(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    with world.database.write() as session:
        run_features.finish(session, run_id, ids[:1])
        run_features.fail(session, run_id, {ids[0]: "late", ids[3]: "broke"})

        failures = run_features.list_failures(session, run_id, after=None, limit=10)
        assert failures == (Failure(ids[3], 3, "broke"),)
        assert run_features.list_failures(session, run_id, after=ids[3], limit=10) == ()


def test_a_run_is_settled_when_no_feature_waits(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    with world.database.write() as session:
        run_features.finish(session, run_id, ids[:4])
        assert runs.settle(session, run_id) is RunState.RUNNING
        run_features.finish(session, run_id, ids[4:])

        assert runs.settle(session, run_id) is RunState.COMPLETE
        assert runs.get(session, run_id).finished_at is not None


def test_a_run_with_failures_says_so(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    with world.database.write() as session:
        run_features.finish(session, run_id, ids[:4])
        run_features.fail(session, run_id, {ids[4]: "broke"})

        assert runs.settle(session, run_id) is RunState.COMPLETE_WITH_FAILURES


def test_settling_a_run_that_has_ended_changes_nothing(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    with world.database.write() as session:
        run_features.finish(session, run_id, ids)
        runs.set_state(session, run_id, RunState.CANCELLED)

        assert runs.settle(session, run_id) is RunState.CANCELLED


def test_workers_that_finish_the_last_features_at_once_settle_the_run(
    world: World, run_id: str, ids: tuple[int, ...]
) -> None:
    def work(feature_id: int) -> None:
        with world.database.write() as session:
            run_features.finish(session, run_id, [feature_id])
        with world.database.write() as session:
            runs.settle(session, run_id)

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(work, ids))

    with world.database.read() as session:
        assert runs.get(session, run_id).state is RunState.COMPLETE


def test_progress_counts_results_and_the_ledger(world: World, run_id: str, ids: tuple[int, ...]) -> None:
    world.explain(ids[0], run_id=run_id)
    with world.database.write() as session:
        run_features.finish(session, run_id, ids[:1])
        run_features.fail(session, run_id, {ids[1]: "broke"})
        calls.record(session, [attempt(run_id), attempt(run_id, cost=None), attempt("another")])
        calls.record(session, [attempt(run_id, status=AttemptStatus.CACHED, cost=0)])

    with world.database.read() as session:
        progress = runs.progress(session, run_id)

    assert (3, 1, 1) == (progress.waiting, progress.done, progress.failed)
    assert (1, 0, 0) == (progress.explanations, progress.unread, progress.scores)
    assert (2, 1, 30, 7, 1) == (
        progress.requests,
        progress.cached,
        progress.tokens,
        progress.cost,
        progress.cost_unknown,
    )
    assert progress.failures == (Failure(ids[1], 1, "broke"),)


def test_the_progress_of_a_run_that_did_nothing_is_zero(world: World) -> None:
    run_id = world.run()

    with world.database.read() as session:
        progress = runs.progress(session, run_id)

    assert (0, 0, 0, 0) == (progress.waiting, progress.requests, progress.cost, progress.cost_unknown)


def test_a_run_that_is_not_there_is_not_found(world: World) -> None:
    with world.database.write() as session:
        for ask in (
            lambda: runs.get(session, "x"),
            lambda: runs.set_state(session, "x", RunState.RUNNING),
            lambda: runs.settle(session, "x"),
            lambda: runs.set_harvest(session, "x", world.harvest),
        ):
            with pytest.raises(NotFound, match="no run x"):
                ask()
