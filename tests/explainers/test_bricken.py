"""The bricken explainer shows 49 short excerpts by their groups, and keeps no reasoning."""

import json
from dataclasses import replace
from typing import Any

import pytest

from autointerp.domain.calls import Request
from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord, TokenCount
from autointerp.testing.rehearsal import Bench, Scripted, bench
from autointerp.testing.specimen import COLOURS, STRONGEST

LENGTH = 32


def example(group: Group, n: int, *, peak: int, strength: float) -> Example:
    """A window of different words, each its own in the whole harvest."""
    firing = [strength if i == peak else 0.0 for i in range(LENGTH)]
    number = n + 1000 * (list(Kind).index(group.kind) * 20 + (group.index or 0))
    pieces = tuple(f" w{number}x{i}" for i in range(LENGTH))
    return Example(
        Split.EXPLAIN, group, number, number, 0, peak, tuple(range(100, 100 + LENGTH)), pieces, tuple(firing)
    )


def harvested(*, top: int = 20, interval: int = 4, random: int = 10, same_token: int = 20) -> tuple[Example, ...]:
    """What an ordinary harvest keeps, with more than is shown of each group; the peaks lie anywhere."""
    tops = [example(Group(Kind.TOP), n, peak=n, strength=STRONGEST * (1 - n / 100)) for n in range(top)]
    parts = [
        example(Group(Kind.INTERVAL, k), n, peak=(7 * k + n) % LENGTH, strength=STRONGEST * (k + 0.5) / 12)
        for k in range(12)
        for n in range(interval)
    ]
    silent = [
        example(Group(kind), n, peak=LENGTH // 2, strength=0.0)
        for kind, count in ((Kind.RANDOM, random), (Kind.SAME_TOKEN, same_token))
        for n in range(count)
    ]
    return (*tops, *parts, *silent)


async def explain(
    llm: Scripted,
    examples: tuple[Example, ...],
    *,
    feature: FeatureRecord | None = None,
    options: dict[str, Any] | None = None,
) -> Explanation | Unread:
    here = bench(llm, seed=3)
    return await here.explainer("bricken", options).explain(feature or here.specimen.feature, examples)


def lines(request: Request) -> list[dict[str, Any]]:
    return [json.loads(line) for line in request.messages[-1].text.split("\n")]


def excerpts(request: Request) -> list[dict[str, Any]]:
    return [line for line in lines(request) if "text" in line]


async def test_forty_nine_excerpts_are_shown_each_with_its_group() -> None:
    llm = Scripted()
    explanation = await explain(llm, harvested())

    groups = [excerpt["group"] for excerpt in excerpts(llm.requests[0])]
    expected = ["top"] * 10 + [f"interval {k}" for k in range(11, -1, -1) for _ in range(2)]
    assert groups == expected + ["random"] * 5 + ["same token"] * 10
    assert isinstance(explanation, Explanation)
    assert len(explanation.shown) == 49


async def test_an_excerpt_reaches_four_tokens_to_either_side_of_the_peak_wherever_it_is() -> None:
    llm = Scripted()
    await explain(llm, harvested())

    by_window = {e.window: e for e in harvested()}
    shown = excerpts(llm.requests[0])
    found = {e.text: e for e in by_window.values()}
    for excerpt in shown[:34]:
        plain = excerpt["text"].replace("«", "").replace("»", "")
        [whole] = [e for text, e in found.items() if plain in text]
        peak = whole.peak
        assert plain == "".join(whole.pieces[max(0, peak - 4) : peak + 5])
        assert f"«{whole.pieces[peak]}»" in excerpt["text"]
        assert [piece for piece, _ in excerpt["activations"]] == [whole.pieces[peak]]


async def test_the_strongest_are_the_top_and_strength_runs_from_one_to_nine() -> None:
    llm = Scripted()
    await explain(llm, harvested())

    shown = excerpts(llm.requests[0])
    levels = [[level for _, level in excerpt["activations"]] for excerpt in shown]
    assert levels[:10] == [[9]] * 10
    assert [level for [level] in levels[10:34:2]] == [9, 8, 8, 7, 6, 5, 5, 4, 3, 2, 2, 1]
    assert levels[34:] == [[]] * 15
    tops = {f" w{n}x{n}" for n in range(10)}
    assert {excerpt["activations"][0][0] for excerpt in shown[:10]} == tops


async def test_a_same_token_excerpt_is_cut_around_the_token_that_the_feature_fires_on_elsewhere() -> None:
    llm = Scripted()
    feature = bench(llm, seed=3).specimen.feature
    top = TokenCount(token=102, piece=" w", count=5, mean=1.0)
    known = replace(feature, statistics=replace(feature.statistics, top_tokens=(top,)))
    await explain(llm, harvested(), feature=known)

    for excerpt in excerpts(llm.requests[0])[-10:]:
        assert [part.split("x")[1] for part in excerpt["text"].split()] == [str(i) for i in range(7)]


async def test_promoted_and_suppressed_tokens_follow_the_excerpts() -> None:
    llm = Scripted()
    await explain(llm, harvested(), options={"logits": 2})

    [promoted, suppressed] = lines(llm.requests[0])[-2:]
    assert promoted == {"effect": "promoted", "tokens": [f" {colour}" for colour in COLOURS[:2]]}
    assert suppressed["effect"] == "suppressed"
    assert len(suppressed["tokens"]) == 2


async def test_no_window_and_no_excerpt_is_shown_twice() -> None:
    llm = Scripted()
    twice = tuple(replace(e, group=Group(Kind.TOP)) for e in harvested() if e.group == Group(Kind.INTERVAL, 11))[:2]
    copies = tuple(replace(e, context=e.context + 10**6) for e in harvested() if e.group.kind is Kind.TOP)
    explanation = await explain(llm, harvested() + twice + copies)

    texts = [excerpt["text"] for excerpt in excerpts(llm.requests[0])]
    assert len(set(texts)) == len(texts) == 49
    assert isinstance(explanation, Explanation)
    assert len(set(explanation.shown)) == 49


async def test_a_harvest_without_intervals_lends_its_quantiles() -> None:
    llm = Scripted()
    here = bench(llm, seed=3)
    await here.explainer("bricken").explain(here.specimen.feature, here.specimen.explain)

    groups = [excerpt["group"] for excerpt in excerpts(llm.requests[0])]
    assert [group.split()[0] for group in groups] == ["quantile"] * 26 + ["random"] * 5 + ["same"] * 10


async def test_the_reasoning_comes_first_in_the_schema_and_never_into_the_explanation() -> None:
    reply = {"reasoning": "They all hold a colour.", "explanation": "Names of colours."}
    llm = Scripted(lambda request: json.dumps(reply))
    explanation = await explain(llm, harvested())

    assert list(json.loads(llm.requests[0].schema or "")["properties"]) == ["reasoning", "explanation"]
    assert isinstance(explanation, Explanation)
    assert explanation.text == "Names of colours."


@pytest.mark.parametrize(
    "reply",
    [
        {"reasoning": "They share colours.", "explanation": "<think>red, blue</think> Names of colours."},
        {"reasoning": "", "explanation": "Reasoning: they share colours. Explanation: names of colours."},
        {"reasoning": "", "explanation": "The top examples all contain colours. So it fires on colours."},
        {"reasoning": "Colours.", "explanation": "Let me think step by step. Names of colours."},
        {"reasoning": "Colours.", "explanation": "red " * 1000},
        {"explanation": "Names of colours."},
        {"reasoning": "Names of colours."},
        {"reasoning": "Colours.", "explanation": None},
        {"reasoning": "Colours.", "thoughts": "More.", "explanation": "Names of colours."},
        "First I compare the examples.\n\nExplanation: names of colours.",
        "<reasoning>They share colours.</reasoning><answer>Names of colours.</answer>",
    ],
)
async def test_a_reply_whose_reasoning_is_not_in_its_field_is_unread_after_a_second_try(reply: object) -> None:
    llm = Scripted(lambda request: reply if isinstance(reply, str) else json.dumps(reply))
    unread = await explain(llm, harvested())

    assert isinstance(unread, Unread)
    assert unread.request == llm.requests[1].key
    assert len(llm.requests) == 2


async def test_a_second_reply_that_can_be_read_is_taken() -> None:
    replies = iter(
        ['{"reasoning": "", "explanation": "Step 1: look."}', '{"reasoning": "", "explanation": "Names of colours."}']
    )
    llm = Scripted(lambda request: next(replies))
    explanation = await explain(llm, harvested())

    assert isinstance(explanation, Explanation)
    assert explanation.text == "Names of colours."
    assert explanation.request == llm.requests[1].key


async def test_too_few_firing_examples_ask_nothing() -> None:
    llm = Scripted()
    unread = await explain(llm, harvested(top=2, interval=0))

    assert isinstance(unread, Unread)
    assert unread.kind is UnreadKind.FAILED
    assert "needed" in unread.detail
    assert llm.requests == []


def test_what_all_requests_share_is_long_enough_for_a_prompt_cache(on: Bench) -> None:
    rendered = on.tools.prompts.render("explainers/bricken", {"excerpts": [], "promoted": [], "suppressed": []})

    shared = rendered.messages[: 1 + max(i for i, message in enumerate(rendered.messages) if message.shared)]
    assert len(shared) == 11
    assert sum(len(message.text.encode()) for message in shared) > 4 * 1_024


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)
