"""What an estimate says of replies, and that what runs take lies between its ends."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from autointerp.domain.calls import Usage
from autointerp.llm import honest
from autointerp.llm.base import Endpoint
from autointerp.llm.prices import Price
from autointerp.llm.providers.fake import honestly
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import Quote, Side, estimate
from autointerp.storage.records import RunProgress
from autointerp.testing import Answer, Behaviour, Seen, TestServer, answering, behaviours, serve
from tests.pipeline.world import World, open_world

BY_DECISIONS = {"explainers": ["token_statistics"], "scorers": [{"name": "detection", "judge": "decisions"}]}


async def estimated(world: World, **options: object) -> Quote:
    """The estimate of a run that asks one model."""
    (quote,) = await asyncio.to_thread(estimate, world.desk, world.spec(**options))
    return quote


def written(quote: Quote) -> list[int]:
    """The tokens that all replies together have, from low to high."""
    return [side.usage.output for side in (quote.low, quote.likely, quote.high)]


async def test_what_is_decided_writes_nothing(world: World) -> None:
    quote = await estimated(world, **BY_DECISIONS)

    assert quote.requests > 0
    assert [0, 0, 0] == written(quote)


async def test_what_was_learned_of_decisions_is_that_they_write_nothing(world: World) -> None:
    world.model.answer = honestly
    await world.carry_out(world.spec(**BY_DECISIONS))
    quote = await estimated(world, **BY_DECISIONS)

    assert quote.learned
    assert [0, 0, 0] == written(quote)


async def test_no_reply_is_reckoned_longer_than_it_may_be(world: World) -> None:
    judge = {"name": "llm", "options": {"max_tokens": 16}}
    scored = {"explainers": ["token_statistics"], "scorers": [{"name": "detection", "judge": judge}]}
    quote = await estimated(world, **scored)

    assert 0 < written(quote)[2] <= round(quote.requests * 16 * 1.1)


def speaking(bytes_per_token: float, *, thinks: int, mumbles: int) -> Behaviour:
    """Answer honestly, in tokens of so many bytes, thinking first; what is said every few replies cannot be read."""

    def answer(seen: Seen) -> Answer:
        text = "Well." if seen.number % mumbles == mumbles - 1 else honest.answer(seen.messages, seen.schema)
        read = sum(len(message.text) for message in seen.messages) + len(seen.schema or "")
        written = int(len(text) / bytes_per_token) + thinks
        return Answer(text, usage=Usage(int(read / bytes_per_token), output=written, reasoning=thinks))

    return answering(answer)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(speaking(4.8, thinks=0, mumbles=1_000), id="in long tokens"),
        pytest.param(speaking(3.2, thinks=150, mumbles=11), id="in short tokens after thinking and at times unread"),
    ],
)
async def test_what_a_run_takes_lies_between_low_and_high_before_and_after_the_model_is_known(
    behaviour: Behaviour, harvested: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path
) -> None:
    with serve(behaviour) as server:
        async with world_at(server, harvested, folder, subjects, tmp_path) as world:
            quotes, took = await estimated_and_carried_out(world)

    assert [False, True] == [quote.learned for quote in quotes]
    for quote in quotes:
        assert quote.low.usage.total < took.tokens < quote.high.usage.total
        assert paid(quote.low) < took.cost < paid(quote.high)
        assert paid(quote.low) < paid(quote.likely) < paid(quote.high)


@pytest.mark.parametrize("explainer", ["default", "best_of"])
async def test_what_is_likely_is_within_fifteen_percent_of_what_the_test_server_then_takes(
    explainer: str, harvested: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path
) -> None:
    """Of `best_of`'s candidates some say the same here, as hardly any do that a language model writes."""
    with serve(behaviours.honest) as server:
        async with world_at(server, harvested, folder, subjects, tmp_path) as world:
            judged = {"name": "detection", "judge": "llm"}
            quotes, took = await estimated_and_carried_out(world, explainers=[explainer], scorers=[judged])

    assert (took.waiting, took.failed) == (0, 0)
    for quote in quotes:
        assert quote.requests == pytest.approx(took.requests, rel=0.15)
        assert quote.likely.usage.total == pytest.approx(took.tokens, rel=0.15)
        assert paid(quote.likely) == pytest.approx(took.cost, rel=0.15)


@asynccontextmanager
async def world_at(
    server: TestServer, harvested: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path
) -> AsyncGenerator[World]:
    """The harvested world with the server as an endpoint whose price is known."""
    path = tmp_path / "autointerp.db"
    shutil.copyfile(harvested, path)
    price = Price(input=Decimal(1), output=Decimal(2))
    endpoint = Endpoint(name="server", provider="openai", base_url=server.openai_url, price=price)
    url = f"sqlite:///{path}"
    async with open_world(url, folder=folder, data_dir=tmp_path, subjects=subjects, endpoint=endpoint) as world:
        yield world


async def estimated_and_carried_out(world: World, **options: object) -> tuple[list[Quote], RunProgress]:
    """The estimates before and after a run, and what it took."""
    options["llm"] = "server/some"
    before = await estimated(world, **options)
    run = await world.carry_out(world.spec(**options))
    return [before, await estimated(world, **options)], world.progress(run.id)


def paid(side: Side) -> int:
    """The cost of one end, which is known."""
    assert side.cost is not None

    return side.cost
