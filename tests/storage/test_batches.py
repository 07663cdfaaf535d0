"""Batches: one worker at a time, every request once, and no reply or cost booked twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from autointerp.domain.calls import Finish, Message, Reply, Request, Role, Usage
from autointerp.domain.ledger import Reserved
from autointerp.domain.specs import Budget
from autointerp.errors import NotFound
from autointerp.storage import batch_items, batches, budgets, holds, replies, runs
from autointerp.storage.batch_records import BatchRecord, BatchState, ItemState
from autointerp.storage.llm_books import open_books

from .conftest import RUN, World

LEASE = timedelta(seconds=60)


def request(text: str, model: str = "m") -> Request:
    return Request("e", model, (Message(Role.SYSTEM, "Be brief.", shared=True), Message(Role.USER, text)), max_tokens=9)


REQUESTS = tuple(request(text) for text in ("a", "b", "c"))


@pytest.fixture
def run_id(world: World) -> str:
    """A run with a budget and three deferred requests of chunk 0."""
    run_id = world.run()
    with world.database.write() as session:
        budgets.open_budget(session, run_id, Budget(tokens=1000))
        batch_items.defer(session, run_id, 0, 0, REQUESTS)
    return run_id


def send(world: World, run_id: str, tag: str = "t") -> BatchRecord:
    """Put all that waits in a batch, with 10 nano-dollars and 20 tokens set aside for each."""
    with world.database.write() as session:
        waiting = batch_items.pending(session, run_id, "e", "m", limit=100)
        batch = batches.create(
            session, run_id=run_id, endpoint="e", provider="openai", model="m", tag=tag, requests=len(waiting)
        )
        names = {item.id: f"{tag}-{number}" for number, item in enumerate(waiting)}
        batch_items.send(session, batch.id, names, dict.fromkeys(names, (10, 20)))
        budgets.reserve(session, run_id, Reserved(cost=10 * len(waiting), tokens=20 * len(waiting)))
    return batch


def states(world: World, run_id: str) -> dict[ItemState, int]:
    with world.database.read() as session:
        return dict(batches.progress(session, run_id).items)


def test_a_request_comes_back_as_it_was_deferred(world: World, run_id: str) -> None:
    with world.database.read() as session:
        waiting = batch_items.pending(session, run_id, "e", "m", limit=10)
        [group] = batch_items.groups(session, run_id)

    assert REQUESTS == tuple(item.request for item in waiting)
    assert ("e", "m", 3) == (group.endpoint, group.model, group.count)
    assert group.since.tzinfo is not None


def test_deferring_again_changes_nothing_but_who_waits(world: World, run_id: str) -> None:
    send(world, run_id)
    with world.database.write() as session:
        batch_items.defer(session, run_id, 7, 1, REQUESTS[:1])
        item = batch_items.find(session, run_id, REQUESTS[0].key)

        assert item is not None
        assert (ItemState.SENT, 1) == (item.state, item.generation)
        assert {0, 7} == batch_items.open_chunks(session, run_id)
    assert states(world, run_id) == {ItemState.SENT: 3}


async def test_what_is_set_aside_for_batches_is_told_apart(world: World, run_id: str) -> None:
    send(world, run_id)

    async with open_books(world.database) as books:
        await books.allowance(run_id).reserve(Reserved(cost=0, tokens=900))
        funds = await books.allowance(run_id).funds()

    assert (Reserved(30, 960), Reserved(30, 60)) == (funds.reserved, funds.batched)
    assert funds.waits_for_batches(Reserved(cost=0, tokens=941))
    assert not funds.waits_for_batches(Reserved(cost=0, tokens=940))


def test_what_cannot_be_sent_online_yet_waits_for_a_batch_again(world: World, run_id: str) -> None:
    batch = send(world, run_id)
    with world.database.write() as session:
        first, *_ = batch_items.sent(session, batch.id)
        batch_items.close(session, first.id, ItemState.ONLINE, error="it lapsed")
        batch_items.defer(session, run_id, 0, 0, [first.request])

        assert [first.id] == [item.id for item in batch_items.pending(session, run_id, "e", "m", limit=10)]
        assert 2 == batch_items.count_sent(session, batch.id)


def test_a_chunk_waits_until_each_of_its_requests_is_closed(world: World, run_id: str) -> None:
    with world.database.write() as session:
        for item in batch_items.pending(session, run_id, "e", "m", limit=10):
            assert {0} == batch_items.open_chunks(session, run_id)
            batch_items.close(session, item.id, ItemState.ANSWERED)

        assert frozenset() == batch_items.open_chunks(session, run_id)


def test_a_failed_request_is_asked_again_only_by_a_resumed_run(world: World, run_id: str) -> None:
    with world.database.write() as session:
        for item in batch_items.pending(session, run_id, "e", "m", limit=10):
            batch_items.close(session, item.id, ItemState.FAILED, kind="BadRequest", error="no")
        batch_items.defer(session, run_id, 0, 0, REQUESTS)
        same = batch_items.find(session, run_id, REQUESTS[0].key)
        batch_items.defer(session, run_id, 0, 1, REQUESTS)
        again = batch_items.find(session, run_id, REQUESTS[0].key)

    assert same is not None
    assert again is not None
    assert (ItemState.FAILED, "BadRequest", "no") == (same.state, same.error_kind, same.error)
    assert (ItemState.PENDING, 1, None) == (again.state, again.generation, again.error)


def test_a_request_whose_reply_is_kept_leaves_the_queue(world: World, run_id: str) -> None:
    with world.database.write() as session:
        reply = Reply(text="x", finish=Finish.STOP, usage=Usage(1), model="m", raw="{}")
        replies.keep(session, REQUESTS[1].key, reply)
        batch_items.answer_from_cache(session, run_id)

    assert states(world, run_id) == {ItemState.PENDING: 2, ItemState.KEPT: 1}


def test_requests_go_into_one_batch_however_many_workers_form_one(world: World, run_id: str) -> None:
    with world.database.read() as session:
        waiting = batch_items.pending(session, run_id, "e", "m", limit=10)

    def form(number: int) -> int:
        with world.database.write() as session:
            batch = batches.create(
                session, run_id=run_id, endpoint="e", provider="openai", model="m", tag=str(number), requests=3
            )
            names = {item.id: f"{number}-{item.id}" for item in waiting}
            return batch_items.send(session, batch.id, names, dict.fromkeys(names, (0, 0)))

    with ThreadPoolExecutor(4) as threads:
        assert [0, 0, 0, 3] == sorted(threads.map(form, range(4)))


def test_a_batch_is_held_by_one_worker_until_it_lets_go_or_is_silent(world: World, run_id: str) -> None:
    batch = send(world, run_id)

    def claim(_: int) -> bool:
        with world.database.write() as session:
            return batches.claim(session, batch.id, lease=LEASE)

    with ThreadPoolExecutor(4) as threads:
        assert [False, False, False, True] == sorted(threads.map(claim, range(4)))
    with world.database.write() as session:
        assert batches.due(session) == ()
        batches.renew(session, batch.id, lease=-LEASE)
        assert [batch.id] == [one.id for one in batches.due(session)]
        assert batches.claim(session, batch.id, lease=LEASE)
        batches.release(session, batch, pause=LEASE)
        assert not batches.claim(session, batch.id, lease=LEASE)
        batches.release(session, batch, pause=timedelta())
        assert batches.claim(session, batch.id, lease=LEASE)


def test_a_batch_whose_end_was_asked_for_meanwhile_is_looked_at_at_once(world: World, run_id: str) -> None:
    batch = send(world, run_id)
    with world.database.write() as session:
        batches.claim(session, batch.id, lease=LEASE)
        batches.ask_cancel(session, run_id)
        batches.release(session, batch, pause=LEASE)

        assert [(batch.id, True)] == [(one.id, one.cancel) for one in batches.due(session)]


def test_a_batch_is_adopted_and_closed_once(world: World, run_id: str) -> None:
    batch = send(world, run_id)
    with world.database.write() as session:
        batches.adopt(session, batch.id, remote_id="r1", input_file="f1")
        batches.adopt(session, batch.id, remote_id="r2", input_file="f2")
        batches.note_done(session, batch.id, 2)
        adopted = batches.get(session, batch.id)
        batches.close(session, batch.id, BatchState.INGESTED)
        batches.close(session, batch.id, BatchState.FAILED, error="late")
        closed = batches.get(session, batch.id)

        assert batches.known(session, "e") == {"r1"}
        assert batches.open_of_run(session, run_id) == ()
        assert batches.progress(session, run_id).ended == 1
    assert (BatchState.RUNNING, "r1", "f1", 2) == (adopted.state, adopted.remote_id, adopted.input_file, adopted.done)
    assert (BatchState.INGESTED, None) == (closed.state, closed.error)


def test_the_newest_batch_that_was_too_much_for_the_vendor_is_remembered(world: World, run_id: str) -> None:
    with world.database.write() as session:
        assert batches.last_full(session, "e", "m") is None
    batch = send(world, run_id)
    with world.database.write() as session:
        batches.close(session, batch.id, BatchState.FAILED, error="full", full=True)

        found = batches.last_full(session, "e", "m")
        assert found is not None
        assert found.id == batch.id
        assert batches.last_full(session, "e", "other") is None


def test_a_result_is_found_by_its_name_only_while_it_has_no_answer(world: World, run_id: str) -> None:
    batch = send(world, run_id)
    with world.database.write() as session:
        found = batch_items.sent_as(session, batch.id, ["t-0", "t-2", "t-9"])
        assert {"t-0": REQUESTS[0], "t-2": REQUESTS[2]} == {name: item.request for name, item in found.items()}
        batch_items.close(session, found["t-0"].id, ItemState.ANSWERED)
        batch_items.wait_again(session, found["t-2"].id, lapses=1, malformed=0, error="expired")

        assert batch_items.sent_as(session, batch.id, ["t-0", "t-2"]) == {}
        [again] = batch_items.pending(session, run_id, "e", "m", limit=10)
        assert (1, 0, None) == (again.lapses, again.reserved_cost, again.custom_id)
        assert [REQUESTS[1]] == [item.request for item in batch_items.sent(session, batch.id)]


def test_what_is_set_aside_for_batches_outlives_the_workers(world: World, run_id: str) -> None:
    send(world, run_id)
    with world.database.write() as session:
        holds.add(session, [holds.RunHold(run_id, "w", holds.new_hold(Reserved(cost=1000, tokens=100)))])
        holds.give_back_all(session, "w")
        kept = budgets.get(session, run_id)

    assert (30, 60) == (kept.reserved_cost, kept.reserved_tokens)


def test_progress_tells_of_batches_only_in_batch_mode(world: World, run_id: str) -> None:
    send(world, run_id)
    with world.database.write() as session:
        spec = RUN.model_copy(update={"mode": "batch"})
        other = runs.create(session, spec, harvest_id=world.harvest, idempotency_key=None).id
        budgets.open_budget(session, other, Budget())
        batch_items.defer(session, other, 0, 0, REQUESTS)
    send(world, other, "another")
    with world.database.read() as session:
        online, batch = runs.progress(session, run_id).batch, runs.progress(session, other).batch

    assert online is None
    assert batch is not None
    assert [other] == [one.run_id for one in batch.open]


def test_a_batch_that_is_not_there_is_not_found(world: World) -> None:
    with world.database.read() as session, pytest.raises(NotFound, match="no batch x"):
        batches.get(session, "x")
