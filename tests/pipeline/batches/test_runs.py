"""A run in batch mode finds what an online one finds, for half the price, whatever becomes of its batches."""

from collections import Counter

import pytest
import sqlalchemy as sa

from autointerp.api.schemas.runs import RunPage
from autointerp.cli.progress import at_vendors
from autointerp.domain.ledger import AttemptStatus
from autointerp.domain.specs import Budget
from autointerp.errors import InvalidSpec
from autointerp.llm.prices import NANO
from autointerp.runs import cancel_run, create_run, pause_run, resume_run
from autointerp.storage import budgets, explanations, scores
from autointerp.storage.batch_records import ItemState
from autointerp.storage.records import RunState
from autointerp.storage.tables.batches import BatchTable
from autointerp.testing import Batches, Fate, Wire, behaviours, serve
from tests.pipeline.batches.conftest import LOOKS, BatchWorld, OpenBatchWorld, both_databases, each_wire
from tests.pipeline.world import FEATURES, World

COUNT = len(FEATURES)


def check_books(world: BatchWorld, run_id: str) -> None:
    """Nothing is paid for twice, and what was spent is what the ledger says."""
    lines = world.ledger(run_id)
    budget = world.budget(run_id)
    assert budget.spent_cost == sum(line.cost or 0 for line in lines)
    assert budget.spent_tokens == sum(line.usage.total for line in lines)
    assert (budget.reserved_cost, budget.reserved_tokens) == (0, 0)


def told_of_the_end(world: BatchWorld, run_id: str) -> str | None:
    """What the run's page says of batches that are still to be ended."""
    page = RunPage.with_progress(world.world.run(run_id), world.world.progress(run_id), warnings=())
    assert page.progress.batch is not None
    return page.progress.batch.ending


@each_wire(on_postgresql=Wire.OPENAI)
async def test_a_run_explains_and_scores_in_two_waves(wire: Wire, open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server, wire) as world:
            run = await world.carry_out(scorers=[{"name": name, "judge": "llm"} for name in ("detection", "fuzzing")])
            found, lines = world.world.progress(run.id), world.ledger(run.id)
            check_books(world, run.id)
            with world.world.desk.database.read() as session:
                made = explanations.list_explanations(session, run_id=run.id, limit=100)
                scored = scores.list_scores(session, run_id=run.id, limit=100)

    assert run.state is RunState.COMPLETE
    assert (found.done, found.explanations, found.scores) == (COUNT, COUNT, 2 * COUNT)
    assert len(server.batches.made) == 2
    assert server.requests == []
    assert {line.status for line in lines} == {AttemptStatus.ANSWERED}
    assert len({line.request for line in lines}) == len(lines) == sum(len(one.items) for one in server.batches.made)
    assert {line.batch for line in lines} == {line.batch for line in lines if line.batch}
    assert all(line.cost == round((line.usage.input + 2 * line.usage.output) * 500) for line in lines)
    assert sum(one.tokens for one in (*made, *scored)) == found.tokens
    assert sum(one.cost or 0 for one in (*made, *scored)) == found.cost
    assert server.batches.files == {}


async def test_each_wave_is_one_batch_although_chunks_are_many(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(chunk=1)

    assert run.state is RunState.COMPLETE
    assert len(server.batches.made[0].items) == COUNT
    assert len(server.batches.made) == 2


@pytest.mark.parametrize(("limit", "sizes"), [({"max_requests": 4}, [4, 2]), ({"max_bytes": 1}, [1] * COUNT)])
async def test_a_batch_stays_below_the_vendors_limits(
    limit: dict[str, int], sizes: list[int], open_batch_world: OpenBatchWorld
) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server, **limit) as world:
            run = await world.carry_out(scorers=[])

    assert run.state is RunState.COMPLETE
    assert sizes == [len(batch.items) for batch in server.batches.made]


@both_databases
async def test_a_request_that_two_chunks_want_is_sent_once(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.say("Blue.")) as server:
        async with open_batch_world(server) as world:
            run = world.start(explainers=["tests.pipeline.batches.same"], scorers=[], chunk=2)
            await world.turn()
            waiting = world.progress(run).items
            done = await world.to_the_end(run)
            found = world.world.progress(run)

    assert {ItemState.SENT: 1} == waiting
    assert (RunState.COMPLETE, COUNT) == (done.state, found.explanations)
    assert [1] == [len(batch.items) for batch in server.batches.made]


@each_wire(on_postgresql=Wire.OPENAI)
@pytest.mark.parametrize("fate", [Fate.EXPIRED, Fate.MISSING])
async def test_what_a_batch_does_not_answer_is_sent_again(
    fate: Fate, wire: Wire, open_batch_world: OpenBatchWorld
) -> None:
    once = Batches(fate=lambda item: fate if item.turn == 0 and item.custom_id.endswith("-2") else Fate.ANSWERED)
    with serve(behaviours.honest, batches=once) as server:
        async with open_batch_world(server, wire) as world:
            run = await world.carry_out(scorers=[])
            lines = world.ledger(run.id)
            check_books(world, run.id)

    assert run.state is RunState.COMPLETE
    assert [COUNT, 1] == [len(batch.items) for batch in server.batches.made]
    assert {AttemptStatus.ANSWERED: COUNT, AttemptStatus.EXPIRED: 1} == Counter(line.status for line in lines)
    assert [0] == [line.cost for line in lines if line.status is AttemptStatus.EXPIRED]
    assert server.requests == []


@both_databases
async def test_what_batches_never_answer_is_sent_online(open_batch_world: OpenBatchWorld) -> None:
    never = Batches(fate=lambda item: Fate.EXPIRED if "wrench" in str(item.body) else Fate.ANSWERED)
    with serve(behaviours.honest, batches=never) as server:
        async with open_batch_world(server, attempts=2) as world:
            run = await world.carry_out(scorers=[])
            lines, items = world.ledger(run.id), world.progress(run.id).items
            check_books(world, run.id)
    online = [line for line in lines if line.batch is None]

    assert run.state is RunState.COMPLETE
    assert len(server.batches.made) == 2
    assert items[ItemState.ONLINE] == len(online) == len(server.requests) > 0
    assert all(line.cost == (line.usage.input + 2 * line.usage.output) * 1000 for line in online)


@both_databases
async def test_what_open_batches_leave_no_money_for_waits_for_another_batch(open_batch_world: OpenBatchWorld) -> None:
    lost: list[str] = []
    vendor = Batches(
        latency=1000, fate=lambda item: Fate.EXPIRED if str(item.body) in lost and not item.turn else Fate.ANSWERED
    )
    with serve(behaviours.honest, batches=vendor) as server:
        async with open_batch_world(server, attempts=1, max_requests=1) as world:
            run = world.start(scorers=[], chunk=1)
            while len(vendor.made) < COUNT:
                await world.turn()
            held = world.budget(run).reserved_cost
            with world.world.desk.database.write() as session:
                budgets.change(session, run, Budget(dollars=(held + 1) / NANO))  # half of what it costs online
            lost.append(str(vendor.made[0].items[0].body))
            vendor.made[0].made_at -= 1000
            while len(vendor.made) == COUNT:
                await world.turn()
            vendor.latency = 0
            done = await world.to_the_end(run)
            check_books(world, run)

    assert done.state is RunState.COMPLETE
    assert len(vendor.made) == COUNT + 1
    assert server.requests == []


async def test_a_request_that_is_wrong_is_never_sent_again(open_batch_world: OpenBatchWorld) -> None:
    wrong = behaviours.failing(400, "invalid_request_error", "max_tokens is too large.")
    with serve(wrong) as server:
        async with open_batch_world(server, Wire.ANTHROPIC) as world:
            run = await world.carry_out(scorers=[])
            found = world.world.progress(run.id)
            check_books(world, run.id)

    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert len(server.batches.made) == 1
    assert found.failed == COUNT
    assert all("max_tokens is too large" in failure.reason for failure in found.failures)


async def test_a_server_error_is_sent_again(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.in_turn(behaviours.failing(500), behaviours.overloaded(), behaviours.honest)) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(scorers=[])

    assert run.state is RunState.COMPLETE
    assert [COUNT, 2] == [len(batch.items) for batch in server.batches.made]


async def test_a_malformed_reply_is_billed_and_asked_for_once_more(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.wrong_shape()) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(scorers=[])
            lines, found = world.ledger(run.id), world.world.progress(run.id)
            check_books(world, run.id)

    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert {AttemptStatus.MALFORMED: 2 * COUNT} == Counter(line.status for line in lines)
    assert all(line.cost for line in lines)
    assert all("instead of a reply" in failure.reason for failure in found.failures)


@pytest.mark.parametrize("wire", Wire)
async def test_a_web_page_instead_of_a_reply_costs_nothing_as_it_does_online(
    wire: Wire, open_batch_world: OpenBatchWorld
) -> None:
    with serve(behaviours.html()) as server:
        async with open_batch_world(server, wire) as world:
            run = await world.carry_out(scorers=[])
            lines, found = world.ledger(run.id), world.world.progress(run.id)
            check_books(world, run.id)

    assert {(AttemptStatus.MALFORMED, 0): 2 * COUNT} == Counter((line.status, line.cost) for line in lines)
    assert all("sent a web page instead of a reply" in failure.reason for failure in found.failures)


async def test_a_refusal_is_data(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.refusing()) as server:
        async with open_batch_world(server, Wire.ANTHROPIC) as world:
            run = await world.carry_out(scorers=[])
            lines, found = world.ledger(run.id), world.world.progress(run.id)

    assert (run.state, found.unread) == (RunState.COMPLETE_WITH_FAILURES, COUNT)
    assert {AttemptStatus.REFUSED} == {line.status for line in lines}


async def test_a_resumed_run_asks_for_other_replies_than_those_it_could_not_read(
    open_batch_world: OpenBatchWorld,
) -> None:
    with serve(behaviours.say("I would rather not")) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out()
            server.behaviour = behaviours.honest
            resume_run(world.world.desk, run.id)
            done = await world.to_the_end(run.id)
            check_books(world, run.id)

    assert (RunState.COMPLETE_WITH_FAILURES, RunState.COMPLETE) == (run.state, done.state)


@both_databases
async def test_a_full_queue_at_the_vendor_is_waited_for_with_smaller_batches(
    open_batch_world: OpenBatchWorld,
) -> None:
    with serve(behaviours.honest, batches=Batches(refuse=["token_limit_exceeded"])) as server:
        async with open_batch_world(server, attempts=1) as world:
            run = await world.carry_out(scorers=[])
            check_books(world, run.id)

    assert run.state is RunState.COMPLETE
    assert [6, 3, 3] == [len(batch.items) for batch in server.batches.made]
    assert server.requests == []


async def cut_off() -> behaviours.Response:
    """Break the connection although the batch was made."""
    return behaviours.Response(b'{"id', headers={"content-length": "1000"}, media_type="application/json")


@both_databases
async def test_a_batch_that_was_made_although_its_post_failed_is_adopted(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest, batches=Batches(create=[cut_off])) as server:
        async with open_batch_world(server, grace=0) as world:
            run = await world.carry_out(scorers=[])

    assert run.state is RunState.COMPLETE
    assert len(server.batches.made) == 1


async def test_a_batch_of_anthropics_that_may_be_there_is_waited_for(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest, batches=Batches(create=[cut_off], latency=1000)) as server:
        async with open_batch_world(server, Wire.ANTHROPIC, grace=0) as world:
            run = world.start(scorers=[])
            for _ in range(4):
                await world.turn()
            made = len(server.batches.made)
            server.batches.latency = 0
            done = await world.to_the_end(run)

    assert (1, 1) == (made, len(server.batches.made))
    assert done.state is RunState.COMPLETE


@both_databases
async def test_a_batch_that_is_nowhere_is_handed_in_again(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:

        async def lost() -> behaviours.Response:
            server.batches.made.clear()
            return behaviours.Response(b"", 500)

        server.batches.create.append(lost)
        async with open_batch_world(server, grace=0) as world:
            run = await world.carry_out(scorers=[])

    assert run.state is RunState.COMPLETE
    assert len(server.batches.made) == 1


async def test_a_wrong_key_fails_the_run_and_a_right_one_finishes_it(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:

        async def refused() -> behaviours.Response:
            server.batches.made.clear()
            return behaviours.JSONResponse({"error": {"message": "Wrong.", "code": "invalid_api_key"}}, 401)

        server.batches.create.append(refused)
        async with open_batch_world(server) as world:
            run = await world.carry_out(scorers=[])
            check_books(world, run.id)
            resume_run(world.world.desk, run.id)
            done = await world.to_the_end(run.id)

    assert run.state is RunState.FAILED
    assert "key" in (run.error or "")
    assert done.state is RunState.COMPLETE


@each_wire(on_postgresql=Wire.ANTHROPIC)
async def test_a_cancelled_run_ends_its_batches_and_can_be_resumed(
    wire: Wire, open_batch_world: OpenBatchWorld
) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        async with open_batch_world(server, wire) as world:
            run = world.start(scorers=[])
            await world.turn()
            before = told_of_the_end(world, run)
            cancel_run(world.world.desk, run)
            told = told_of_the_end(world, run)
            cancelled = await world.to_the_end(run)
            after = told_of_the_end(world, run)
            check_books(world, run)
            waiting = world.progress(run).items
            server.batches.latency = 0
            resume_run(world.world.desk, run)
            done = await world.to_the_end(run)

    assert (RunState.CANCELLED, RunState.COMPLETE) == (cancelled.state, done.state)
    assert {ItemState.PENDING: COUNT} == waiting
    assert server.batches.made[0].cancelled_at is not None
    assert len(server.batches.made) == 2
    assert (None, None) == (before, after)
    assert told is not None
    assert f"{server.batches.made[0].id}; {COUNT} requests" in told
    assert f"`autointerp runs show {run}`" in told


@each_wire(on_postgresql=Wire.ANTHROPIC)
async def test_a_paused_run_reads_the_batches_that_a_vendor_has_and_hands_in_no_more(
    wire: Wire, open_batch_world: OpenBatchWorld
) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        async with open_batch_world(server, wire) as world:
            run = world.start()
            while not server.batches.made:
                await world.turn()
            pause_run(world.world.desk, run)
            server.batches.latency = 0
            for _ in range(LOOKS):
                await world.turn()
                if not world.progress(run).open:
                    break
            await world.turn()
            resting, read, batches_made = world.world.run(run), world.ledger(run), len(server.batches.made)
            check_books(world, run)
            resume_run(world.world.desk, run)
            done = await world.to_the_end(run)
            found, lines = world.world.progress(run), world.ledger(run)
            check_books(world, run)

    assert (RunState.PAUSED, RunState.COMPLETE) == (resting.state, done.state)
    assert (1, 2) == (batches_made, len(server.batches.made))
    assert len(read) == COUNT
    assert (found.explanations, found.scores) == (COUNT, COUNT)
    assert len({line.request for line in lines}) == len(lines)


@both_databases
async def test_what_a_cancelled_runs_batch_had_answered_is_kept(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            run = world.start(scorers=[])
            await world.turn()
            cancel_run(world.world.desk, run)
            await world.to_the_end(run)
            check_books(world, run)
            resume_run(world.world.desk, run)
            done = await world.to_the_end(run)
            found = world.world.progress(run)

    assert (RunState.COMPLETE, COUNT) == (done.state, found.explanations)
    assert len(server.batches.made) == 1


@both_databases
async def test_a_budget_is_never_overrun_and_a_larger_one_goes_on(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(budget={"dollars": 0.007})
            check_books(world, run.id)
            spent, first = world.budget(run.id).spent_cost, len(server.batches.made)
            resume_run(world.world.desk, run.id, budget=Budget(dollars=1))
            done = await world.to_the_end(run.id)
            check_books(world, run.id)

    assert run.state is RunState.OUT_OF_BUDGET
    assert "larger budget" in (run.error or "")
    assert 0 < spent <= 7_000_000
    assert first > 0
    assert done.state is RunState.COMPLETE


@both_databases
async def test_progress_tells_what_waits_in_which_batches(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        async with open_batch_world(server, max_requests=4) as world:
            run = world.start(scorers=[])
            await world.turn()
            told = [at_vendors(world.world.progress(run))]
            await world.turn()
            told.append(at_vendors(world.world.progress(run)))
            page = RunPage.with_progress(world.world.run(run), world.world.progress(run), ())
    first, second = (batch.id for batch in server.batches.made)

    assert told[0] == f"4 requests at the vendor ({first}), 2 wait for a batch"
    assert told[1] == f"6 requests at the vendor ({first}, {second})"
    shown = page.progress.batch
    assert shown is not None
    assert (6, 0, 0) == (shown.at_provider, shown.pending, shown.ended)
    assert [(first, 4, "running"), (second, 2, "running")] == [
        (one.remote_id, one.requests, one.state) for one in shown.batches
    ]


@each_wire(on_postgresql=Wire.OPENAI)
async def test_results_that_are_read_again_change_nothing(wire: Wire, open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server, wire) as world:
            run = await world.carry_out(scorers=[])
            before = world.ledger(run.id), world.budget(run.id)
            with world.world.desk.database.write() as session:  # as if its end had not been stored
                session.sql.execute(sa.update(BatchTable).values(state="running", ended_at=None))
            read = server.batches.lines_read
            await world.turn()
            after, reads = (world.ledger(run.id), world.budget(run.id)), server.batches.lines_read - read

    assert reads == COUNT
    assert before == after


async def test_a_batch_that_waits_holds_no_job(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        async with open_batch_world(server) as world:
            run = world.start(scorers=[])
            for _ in range(3):
                await world.turn()
            jobs = world.world.queue.status(f"run/{run}/")

    assert {f"run/{run}/0/{chunk}" for chunk in (0, 1)} == {job.id for job in jobs}
    assert not any(job.state.live for job in jobs)


@both_databases
async def test_looking_at_a_running_run_does_not_disturb_what_waits(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        async with open_batch_world(server) as world:
            run = world.start(scorers=[])
            await world.turn()
            before = world.budget(run)
            resume_run(world.world.desk, run)
            queued, after = world.world.queue.queued, world.budget(run)

    assert (queued, before) == ([], after)
    assert after.reserved_tokens > 0


async def test_a_budget_of_nothing_sends_nothing(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(budget={"tokens": 1})

    assert run.state is RunState.OUT_OF_BUDGET
    assert server.batches.made == []


@both_databases
async def test_replies_that_another_run_has_paid_for_are_not_sent_again(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            await world.carry_out(scorers=[])
            again = await world.carry_out(scorers=[], name="again")
            lines = world.ledger(again.id)

    assert again.state is RunState.COMPLETE
    assert len(server.batches.made) == 1
    assert {AttemptStatus.CACHED} == {line.status for line in lines}


async def test_a_run_without_language_models_needs_no_batch(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(
                explainers=["token_statistics"], scorers=[{"name": "detection", "judge": "lexical"}]
            )

    assert run.state is RunState.COMPLETE
    assert server.batches.made == []


async def test_a_feature_with_a_mistake_in_it_fails_alone(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server) as world:
            run = await world.carry_out(explainers=["tests.pipeline.poison"])
            found = world.world.progress(run.id)

    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert (COUNT - 1, 1) == (found.done, found.failed)


def test_an_endpoint_without_a_batch_api_is_refused(world: World) -> None:
    with pytest.raises(InvalidSpec, match='no batch API; set mode = "online"'):
        create_run(world.desk, world.spec(mode="batch"), idempotency_key=None)


async def test_a_server_of_ones_own_has_no_batch_api_unless_it_is_said_so(open_batch_world: OpenBatchWorld) -> None:
    with serve(behaviours.honest) as server:
        async with open_batch_world(server, options={"batches": None}) as world:
            with pytest.raises(InvalidSpec, match="no batch API"):
                world.start()
