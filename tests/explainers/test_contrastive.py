"""The contrastive explainer shows near misses before random silence."""

import json
from dataclasses import replace
from typing import Any

from autointerp.domain.calls import Request
from autointerp.domain.examples import Example, Group, Kind
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.testing.rehearsal import Scripted, bench


def with_kinds(**counts: int) -> tuple[Example, ...]:
    """The specimen's firing windows, and as many silent ones of each kind as asked for."""
    examples = bench(Scripted(), seed=3).specimen.explain
    firing = [e for e in examples if not e.silent]
    silent = [e for e in examples if e.group.kind is Kind.RANDOM]
    made: list[Example] = []
    for kind, count in counts.items():
        made += [replace(silent.pop(), group=Group(Kind(kind))) for _ in range(count)]
    return (*firing, *made)


async def explain(llm: Scripted, examples: tuple[Example, ...], **options: object) -> Explanation | Unread:
    here = bench(llm, seed=3)
    return await here.explainer("contrastive", options).explain(here.specimen.feature, examples)


def lines(request: Request) -> list[dict[str, Any]]:
    return [json.loads(line) for line in request.messages[-1].text.split("\n")]


def near(request: Request) -> list[str]:
    return [line["near"] for line in lines(request) if "silent" in line]


async def test_twenty_firing_passages_stand_against_twenty_near_misses_of_each_kind_in_turn() -> None:
    llm = Scripted()
    examples = with_kinds(neighbour=10, similar_text=10, same_token=10, random=10)
    explanation = await explain(llm, examples)

    firing = [line for line in lines(llm.requests[0]) if "text" in line]
    kinds = near(llm.requests[0])
    assert len(firing) == 20
    assert all("«" in line["text"] for line in firing)
    assert set(kinds) == {"neighbour", "similar text", "same token"}
    assert sorted(kinds.count(kind) for kind in set(kinds)) == [6, 7, 7]
    assert isinstance(explanation, Explanation)
    assert len(explanation.shown) == 40


async def test_random_windows_fill_up_what_near_misses_leave() -> None:
    llm = Scripted()
    await explain(llm, with_kinds(neighbour=3, random=30), silent=10)

    assert near(llm.requests[0]) == ["neighbour"] * 3 + ["random"] * 7


async def test_nothing_is_marked_in_a_silent_passage() -> None:
    llm = Scripted()
    await explain(llm, with_kinds(same_token=20))

    assert not any("«" in line["silent"] for line in lines(llm.requests[0]) if "silent" in line)


async def test_the_strongest_come_first() -> None:
    llm = Scripted()
    await explain(llm, with_kinds(random=20))

    levels = [max(level for _, level in line["activations"]) for line in lines(llm.requests[0]) if "text" in line]
    assert levels == sorted(levels, reverse=True)


async def test_without_silent_windows_there_is_no_contrast() -> None:
    llm = Scripted()
    unread = await explain(llm, with_kinds())

    assert isinstance(unread, Unread)
    assert unread.kind is UnreadKind.FAILED
    assert "0 silent" in unread.detail
    assert "needed" in unread.detail
    assert llm.requests == []
