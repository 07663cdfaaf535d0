"""What is set aside is held by a worker: it is given back once, by whoever ends it, and only that worker's."""

from autointerp.domain.ledger import Reserved
from autointerp.domain.specs import Budget
from autointerp.storage import budgets, holds
from autointerp.storage.group_commit import GroupCommit
from autointerp.storage.llm_books import Books

from .conftest import World
from .test_runs import attempt

HALF = Reserved(cost=50, tokens=500)


def open_budget(world: World) -> str:
    run_id = world.run()
    with world.database.write() as session:
        budgets.open_budget(session, run_id, Budget(tokens=1000))
    return run_id


def books_of(world: World, worker: str) -> Books:
    return Books.over(GroupCommit(world.database), worker=worker)


def bury(world: World, worker: str) -> int:
    with world.database.write() as session:
        return holds.give_back_all(session, worker)


def budget(world: World, run_id: str) -> tuple[int, Reserved]:
    with world.database.read() as session:
        kept = budgets.get(session, run_id)
    return kept.spent_tokens, Reserved(kept.reserved_cost, kept.reserved_tokens)


async def test_what_a_dead_worker_has_set_aside_is_free_and_what_a_living_one_has_is_not(world: World) -> None:
    run_id, other_run = open_budget(world), open_budget(world)
    dead, living = books_of(world, "dead").allowance(run_id), books_of(world, "living").allowance(run_id)
    await dead.reserve(HALF)
    await living.reserve(HALF)
    await books_of(world, "dead").allowance(other_run).reserve(HALF)
    full = await living.reserve(HALF)

    freed = bury(world, "dead")

    assert (full, freed) == (None, 2)
    assert (0, HALF) == budget(world, run_id)
    assert (0, Reserved(0, 0)) == budget(world, other_run)
    assert await living.reserve(HALF)
    assert await living.reserve(Reserved(cost=0, tokens=1)) is None


async def test_a_call_that_returns_after_its_worker_was_buried_is_spent_and_frees_nothing_of_others(
    world: World,
) -> None:
    run_id = open_budget(world)
    buried = books_of(world, "buried")
    old = await buried.allowance(run_id).reserve(HALF)
    bury(world, "buried")
    await buried.allowance(run_id).reserve(HALF)
    await books_of(world, "other").allowance(run_id).reserve(HALF)

    await buried.book(line := attempt(run_id), hold=old)

    assert (line.usage.total, Reserved(100, 1000)) == budget(world, run_id)


async def test_what_is_given_back_twice_is_given_back_once(world: World) -> None:
    run_id = open_budget(world)
    allowance = books_of(world, "w").allowance(run_id)
    hold = await allowance.reserve(HALF)
    await allowance.reserve(HALF)
    assert hold is not None

    await allowance.give_back(hold)
    await allowance.give_back(hold)

    assert (0, HALF) == budget(world, run_id)


async def test_who_holds_something_is_told(world: World) -> None:
    run_id = open_budget(world)
    hold = await books_of(world, "ends").allowance(run_id).reserve(HALF)
    await books_of(world, "holds").allowance(run_id).reserve(HALF)
    await books_of(world, "refused").allowance(run_id).reserve(HALF)

    await books_of(world, "ends").book(attempt(run_id), hold=hold)

    with world.database.read() as session:
        assert holds.holders(session) == {"holds"}
