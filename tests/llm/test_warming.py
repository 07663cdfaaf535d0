"""One request goes first where a vendor keeps the beginning that many share."""

import asyncio
from dataclasses import replace

import pytest

from autointerp.domain.calls import Finish, Message, Reply, Request, Role, Usage
from autointerp.llm.base import ServerFailed
from autointerp.llm.warming import FIRSTS, WARM, Prefixes, Warmed

REPLY = Reply("!", Finish.STOP, Usage(), "m", "")


def ask(text: str, *, rules: str = "Rules.", shared: bool = True) -> Request:
    return Request("main", "m", (Message(Role.SYSTEM, rules, shared=shared), Message(Role.USER, text)), max_tokens=5)


class Script:
    """Notes in which order requests begin and end; the first few fail where asked to."""

    def __init__(self, *, fails: int = 0) -> None:
        self.fails = fails
        self.log: list[str] = []

    async def attempt(self, request: Request, number: int) -> Reply:
        text = request.messages[-1].text
        self.log.append(f"{text} begins")
        await asyncio.sleep(0.005)
        self.log.append(f"{text} ends")
        if self.fails:
            self.fails -= 1
            raise ServerFailed("oh")
        return REPLY


async def test_the_others_wait_for_the_first_and_then_go_together() -> None:
    script = Script()
    warmed = Warmed(script, Prefixes())
    await asyncio.gather(*(warmed.attempt(ask(name), 1) for name in "abc"))

    assert ["a begins", "a ends", "b begins", "c begins", "b ends", "c ends"] == script.log


async def test_what_is_warm_is_not_waited_for() -> None:
    script = Script()
    warmed = Warmed(script, Prefixes())
    await warmed.attempt(ask("a"), 1)
    script.log.clear()
    await asyncio.gather(*(warmed.attempt(ask(name), 1) for name in "bc"))

    assert ["b begins", "c begins"] == script.log[:2]


async def test_another_beginning_or_model_or_schema_is_warmed_on_its_own() -> None:
    script = Script()
    warmed = Warmed(script, Prefixes())
    others = [ask("a"), ask("b", rules="Other."), replace(ask("c"), model="n"), replace(ask("d"), schema="{}")]
    await asyncio.gather(*(warmed.attempt(request, 1) for request in others))

    assert [f"{name} begins" for name in "abcd"] == script.log[:4]


async def test_where_nothing_is_shared_nobody_waits() -> None:
    script = Script()
    warmed = Warmed(script, Prefixes())
    await asyncio.gather(*(warmed.attempt(ask(name, shared=False), 1) for name in "ab"))

    assert ["a begins", "b begins"] == script.log[:2]


async def test_a_first_one_that_fails_leaves_its_place_to_the_next() -> None:
    script = Script(fails=1)
    warmed = Warmed(script, Prefixes())
    ends = await asyncio.gather(*(warmed.attempt(ask(name), 1) for name in "abcd"), return_exceptions=True)

    assert isinstance(ends[0], ServerFailed)
    assert ["a begins", "a ends", "b begins", "b ends", "c begins", "d begins"] == script.log[:6]


async def test_where_one_after_another_fails_the_others_wait_no_more() -> None:
    script = Script(fails=FIRSTS)
    warmed = Warmed(script, Prefixes())
    names = "abcdefgh"
    await asyncio.gather(*(warmed.attempt(ask(name), 1) for name in names), return_exceptions=True)

    assert [f"{name} {what}" for name in names[:FIRSTS] for what in ("begins", "ends")] == script.log[: 2 * FIRSTS]
    assert [f"{name} begins" for name in names[FIRSTS:]] == script.log[2 * FIRSTS : 2 * FIRSTS + 5]


async def test_after_a_success_failures_are_counted_anew() -> None:
    script = Script(fails=FIRSTS - 1)
    prefixes = Prefixes()
    warmed = Warmed(script, prefixes)
    await asyncio.gather(*(warmed.attempt(ask(name), 1) for name in "abc"), return_exceptions=True)
    [beginning] = prefixes.known.values()
    beginning.sent -= WARM  # as if the vendor had let go of it
    script.fails, script.log = 1, []
    await asyncio.gather(*(warmed.attempt(ask(name), 1) for name in "defg"), return_exceptions=True)

    assert ["d begins", "d ends", "e begins", "e ends", "f begins", "g begins"] == script.log[:6]


async def test_a_first_one_that_is_cancelled_leaves_its_place_to_the_next() -> None:
    script = Script()
    warmed = Warmed(script, Prefixes())
    first, *others = [asyncio.create_task(warmed.attempt(ask(name), 1)) for name in "abcd"]
    await asyncio.sleep(0)
    first.cancel()

    assert [REPLY] * 3 == await asyncio.wait_for(asyncio.gather(*others), 10)
    assert ["a begins", "b begins", "b ends", "c begins", "d begins"] == script.log[:5]
    with pytest.raises(asyncio.CancelledError):
        await first
