"""The books of the LLM layer: nothing is lost, and no budget is overrun."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from autointerp.domain.calls import Decided, Finish, Reply, TokenLogprob, Usage
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.ledger import Funds, Reserved
from autointerp.domain.specs import Budget
from autointerp.errors import NotFound
from autointerp.storage import budgets, calls, prompts
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.group_commit import GroupCommit
from autointerp.storage.llm_books import Books, open_books

from .conftest import World
from .test_runs import attempt


def reply(text: str) -> Reply:
    return Reply(text=text, finish=Finish.STOP, usage=Usage(1, 0, 0, 1), model="m", raw="{}", cost=3)


@pytest.fixture
async def books(database: Database) -> AsyncGenerator[Books]:
    async with open_books(database) as opened:
        yield opened


def open_budget(world: World, **caps: float) -> str:
    run_id = world.run()
    with world.database.write() as session:
        budgets.open_budget(session, run_id, Budget.model_validate(caps))
        budgets.open_budget(session, run_id, Budget())
    return run_id


async def settle(books: Books, run_id: str, reserved: Reserved, *, cost: int, tokens: int) -> None:
    await books.commits.run(lambda session: budgets.settle(session, run_id, reserved, cost=cost, tokens=tokens))


def budget(world: World, run_id: str) -> tuple[int, int, int, int]:
    with world.database.read() as session:
        kept = budgets.get(session, run_id)
    return kept.spent_cost, kept.spent_tokens, kept.reserved_cost, kept.reserved_tokens


async def test_a_reply_is_kept_for_ever_and_the_first_one_stays(books: Books) -> None:
    key = attempt(None).request
    assert await books.find(key) is None

    await books.book(attempt(None), keep=reply("first"))
    await books.book(attempt(None), keep=reply("second"))

    assert await books.find(key) == reply("first")


async def test_line_reply_and_settlement_are_booked_together_or_not_at_all(world: World) -> None:
    run_id = open_budget(world, tokens=100)
    line = attempt(run_id)
    impossible = replace(line, request=None)  # pyright: ignore[reportArgumentType]

    async with open_books(world.database) as books:
        hold = await books.allowance(run_id).reserve(Reserved(cost=5, tokens=90))
        with pytest.raises(Exception, match=r"(?i)null"):
            await books.book(impossible, keep=reply("x"), hold=hold)
        before = budget(world, run_id)
        await books.book(line, keep=reply("x"), hold=hold)

        assert await books.find(line.request) == reply("x")
    assert (0, 0, 5, 90) == before
    assert (line.cost, line.usage.total, 0, 0) == budget(world, run_id)
    with world.database.read() as session:
        assert len(calls.list_calls(session, run_id=run_id, after=None, limit=10)) == 1


async def test_every_line_of_many_tasks_is_in_the_ledger(database: Database, books: Books) -> None:
    await asyncio.gather(*(books.book(attempt(str(i))) for i in range(300)))

    with database.read() as session:
        lines = calls.list_calls(session, run_id=None, after=None, limit=1000)
        (alone,) = calls.list_calls(session, run_id="17", after=None, limit=10)
    assert {str(i) for i in range(300)} == {line.run for _, line in lines}
    assert alone[1] == attempt("17")


async def test_a_line_is_written_though_its_task_is_cancelled(database: Database) -> None:
    async with open_books(database) as books:
        task = asyncio.create_task(books.book(attempt("x")))
        await asyncio.sleep(0)
        task.cancel()

    with database.read() as session:
        assert len(calls.list_calls(session, run_id="x", after=None, limit=10)) == 1


async def test_work_that_fails_fails_alone(database: Database) -> None:
    commits = GroupCommit(database)

    def save(session: WriteSession, version: str) -> str:
        prompts.save(session, version=version, name="n", text="t")
        if version == "3":
            raise ZeroDivisionError
        return version

    works = [commits.run(lambda session, v=str(i): save(session, v)) for i in range(6)]
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    await commits.close()

    assert ["0", "1", "2", "4", "5"] == [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert isinstance(outcomes[3], ZeroDivisionError)
    with database.read() as session:
        assert prompts.get(session, "5").text == "t"
        with pytest.raises(NotFound):
            prompts.get(session, "3")


async def test_many_works_share_few_transactions(database: Database) -> None:
    commits = GroupCommit(database)
    sessions: set[int] = set()

    def note(session: WriteSession) -> None:
        sessions.add(id(session.sql.get_transaction()))
        kept.append(session.sql.get_transaction())

    kept: list[object] = []
    await asyncio.gather(*(commits.run(note) for _ in range(200)))

    assert len(kept) == 200
    assert len(sessions) < 5


async def test_two_workers_together_never_reserve_more_than_the_budget_holds(world: World) -> None:
    run_id = open_budget(world, dollars=1e-7, tokens=1_000_000)
    others = Database(world.database.url)

    async with open_books(world.database) as one, open_books(others) as two:
        reservations = [
            books.allowance(run_id).reserve(Reserved(cost=9, tokens=1)) for books in (one, two) for _ in range(40)
        ]
        granted = sum(hold is not None for hold in await asyncio.gather(*reservations))
    others.close()

    assert granted == 100 // 9
    assert budget(world, run_id) == (0, 0, 99, 11)


async def test_what_was_reserved_is_given_back_and_what_was_spent_is_booked(world: World) -> None:
    run_id = open_budget(world, tokens=100)

    async with open_books(world.database) as books:
        allowance = books.allowance(run_id)
        assert await allowance.reserve(Reserved(cost=50, tokens=90))
        assert not await allowance.reserve(Reserved(cost=0, tokens=11))
        await settle(books, run_id, Reserved(cost=50, tokens=90), cost=20, tokens=40)
        assert await allowance.reserve(Reserved(cost=10**12, tokens=60))
        assert not await allowance.reserve(Reserved(cost=0, tokens=1))

    assert budget(world, run_id) == (20, 40, 10**12, 60)


async def test_a_budget_of_nothing_holds_nothing_and_no_budget_holds_everything(world: World) -> None:
    nothing, everything = open_budget(world, dollars=0), open_budget(world)

    async with open_books(world.database) as books:
        assert not await books.allowance(nothing).reserve(Reserved(cost=1, tokens=0))
        assert await books.allowance(nothing).reserve(Reserved(cost=0, tokens=10**9))
        assert await books.allowance(everything).reserve(Reserved(cost=10**15, tokens=10**12))


async def test_a_budget_affords_what_is_not_spent_although_it_is_set_aside(world: World) -> None:
    run_id = open_budget(world, dollars=1e-7, tokens=100)

    async with open_books(world.database) as books:
        allowance = books.allowance(run_id)
        await allowance.reserve(Reserved(cost=50, tokens=90))
        await settle(books, run_id, Reserved(cost=0, tokens=0), cost=20, tokens=40)
        funds = await allowance.funds()

    assert funds == Funds(100, 100, spent=Reserved(20, 40), reserved=Reserved(50, 90))
    assert funds.affords(Reserved(cost=80, tokens=60))
    assert not funds.affords(Reserved(cost=81, tokens=60))
    assert not funds.affords(Reserved(cost=80, tokens=61))
    assert not funds.holds(Reserved(cost=80, tokens=60))


async def test_a_cancelled_task_has_reserved_nothing(world: World) -> None:
    run_id = open_budget(world, tokens=100)

    async with open_books(world.database) as books:
        task = asyncio.create_task(books.allowance(run_id).reserve(Reserved(cost=5, tokens=5)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert budget(world, run_id) == (0, 0, 0, 0)


async def test_a_run_without_a_budget_row_is_told(world: World) -> None:
    async with open_books(world.database) as books:
        with pytest.raises(NotFound, match="has no budget"):
            await books.allowance("x").reserve(Reserved(cost=1, tokens=1))


async def test_what_was_decided_and_echoed_is_kept_with_a_reply(database: Database) -> None:
    reply = Reply(
        text="",
        finish=Finish.STOP,
        usage=Usage(input=3),
        model="m",
        raw="{}",
        decided=(Decided("e000", 0.25), Decided("e001", None, UnreadKind.REFUSED)),
        echoed=(TokenLogprob(b"\xff", -1.5, ((b"a", -2.0),)),),
    )
    async with open_books(database) as books:
        await books.book(attempt(None), keep=reply)

        assert await books.find(attempt(None).request) == reply
