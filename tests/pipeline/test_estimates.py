"""What an estimate says of replies: decisions write none, and no reply is longer than it may be."""

import asyncio

from autointerp.llm.providers.fake import honestly
from autointerp.runs import Quote, estimate
from tests.pipeline.world import World

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
