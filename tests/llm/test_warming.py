"""One request goes first where a vendor keeps the beginning that many share."""

import asyncio
from dataclasses import replace

import pytest

from autointerp.domain.calls import Finish, Message, Reply, Request, Role, Usage
from autointerp.llm.base import ServerFailed
from autointerp.llm.warming import Prefixes, Warmed

REPLY = Reply("!", Finish.STOP, Usage(), "m", "")


def ask(text: str, *, rules: str = "Rules.", shared: bool = True) -> Request:
    return Request("main", "m", (Message(Role.SYSTEM, rules, shared=shared), Message(Role.USER, text)), max_tokens=5)


class Script:
    """Notes in which order requests begin and end; the first fails where asked to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.log: list[str] = []

    async def attempt(self, request: Request, number: int) -> Reply:
        text = request.messages[-1].text
        self.log.append(f"{text} begins")
        await asyncio.sleep(0.005)
        self.log.append(f"{text} ends")
        if self.fails:
            self.fails = False
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


async def test_a_first_one_that_fails_holds_nobody_up_for_a_second_time() -> None:
    script = Script(fails=True)
    warmed = Warmed(script, Prefixes())
    ends = await asyncio.gather(*(warmed.attempt(ask(name), 1) for name in "abc"), return_exceptions=True)

    assert isinstance(ends[0], ServerFailed)
    assert ["b begins", "c begins"] == script.log[2:4]


async def test_a_first_one_that_is_cancelled_lets_the_others_go() -> None:
    warmed = Warmed(Script(), Prefixes())
    first, second = (asyncio.create_task(warmed.attempt(ask(name), 1)) for name in "ab")
    await asyncio.sleep(0)
    first.cancel()

    assert await asyncio.wait_for(second, 10) is REPLY
    with pytest.raises(asyncio.CancelledError):
        await first
