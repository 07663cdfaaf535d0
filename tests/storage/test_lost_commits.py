"""A database that breaks off while a call is booked: the books agree, whether or not it had committed."""

from collections.abc import Generator
from contextlib import contextmanager
from enum import Enum, auto

import pytest

from autointerp.domain.calls import Message, Request, Role
from autointerp.domain.ledger import Reserved
from autointerp.domain.specs import Budget
from autointerp.errors import Unavailable
from autointerp.llm.base import Endpoint
from autointerp.llm.prices import Price
from autointerp.llm.stack import open_llm
from autointerp.storage import budgets, calls
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.llm_books import open_books

from .conftest import World

ASKED = Request("main", "m", (Message(Role.USER, "Name a colour."),), max_tokens=50)
ANOTHER = Reserved(cost=10**6, tokens=1000)


class Break(Enum):
    """When a transaction loses its connection."""

    BEFORE = auto()
    AFTER = auto()


class Breaking(Database):
    """Breaks off the next transactions that write, before or after they are committed."""

    breaks: tuple[Break, ...] = ()

    @contextmanager
    def write(self) -> Generator[WriteSession]:
        now, self.breaks = self.breaks[:1], self.breaks[1:]
        with super().write() as session:
            yield session
            self._fail(Break.BEFORE in now)
        self._fail(Break.AFTER in now)

    def _fail(self, fails: bool) -> None:
        if fails:
            raise Unavailable("the database cannot be reached: connection lost")


async def ask(world: World, *breaks: Break, again: bool = False) -> tuple[bool, int, tuple[int, int]]:
    """Ask once while another call is in flight, and break off the booking: whether that is told, how many lines are
    stored, and what is set aside beside what the other call has."""
    run_id = world.run()
    with world.database.write() as session:
        budgets.open_budget(session, run_id, Budget(dollars=1, tokens=10_000))
    database = Breaking(world.database.url)

    def answer(request: Request) -> str:
        database.breaks = breaks
        return "Blue."

    price = Price.model_validate({"input": 1, "output": 1})
    endpoint = Endpoint(name="main", provider="fake", options={"answer": answer}, price=price)
    told = False
    async with open_books(database) as books, open_llm([endpoint], run=run_id, books=books) as llm:
        await books.allowance(run_id).reserve(ANOTHER)
        try:
            await llm.complete(ASKED)
        except Unavailable:
            told = True
        if again:
            await llm.complete(ASKED)
    database.close()
    with world.database.read() as session:
        lines = [line for _, line in calls.list_calls(session, run_id=run_id, after=None, limit=10)]
        budget = budgets.get(session, run_id)
    assert budget.spent_cost == sum(line.cost or 0 for line in lines)
    assert budget.spent_tokens == sum(line.usage.total for line in lines)
    return told, len(lines), (budget.reserved_cost - ANOTHER.cost, budget.reserved_tokens - ANOTHER.tokens)


@pytest.mark.parametrize("when", Break)
async def test_what_broke_off_is_looked_for_and_booked_once(when: Break, world: World) -> None:
    told, lines, still_reserved = await ask(world, when)

    assert (told, lines, still_reserved) == (False, 1, (0, 0))


@pytest.mark.parametrize("again", [False, True])
async def test_what_the_database_did_not_take_is_booked_later_and_not_paid_for_again(again: bool, world: World) -> None:
    told, lines, still_reserved = await ask(world, Break.BEFORE, Break.BEFORE, again=again)

    assert (told, lines, still_reserved) == (True, 1 + again, (0, 0))  # a line more for the kept reply


@pytest.mark.parametrize(
    "breaks", [(Break.AFTER, Break.BEFORE), (Break.AFTER, Break.AFTER), (Break.BEFORE, Break.AFTER)]
)
async def test_what_was_booked_is_booked_once_and_takes_nothing_from_another_call(
    breaks: tuple[Break, ...], world: World
) -> None:
    told, lines, still_reserved = await ask(world, *breaks)

    assert (told, lines, still_reserved) == (True, 1, (0, 0))


@pytest.mark.parametrize("when", Break)
async def test_what_was_set_aside_although_its_answer_was_lost_is_free_again(when: Break, world: World) -> None:
    run_id = world.run()
    with world.database.write() as session:
        budgets.open_budget(session, run_id, Budget(tokens=1000))
    database = Breaking(world.database.url)

    async with open_books(database) as books:
        database.breaks = (when,)
        with pytest.raises(Unavailable):
            await books.allowance(run_id).reserve(ANOTHER)

        assert await books.allowance(run_id).reserve(ANOTHER)
        with world.database.read() as session:
            reserved = budgets.get(session, run_id).reserved_tokens
    database.close()

    assert reserved == ANOTHER.tokens
