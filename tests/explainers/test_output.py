"""The output explainer looks at what the model writes with the feature and without it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from autointerp.domain.calls import Request
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.steering import Change, Mode, Steered
from autointerp.errors import InvalidSpec
from autointerp.testing.rehearsal import Bench, Scripted, bench
from autointerp.testing.specimen import COLOURS, ColourSteer


class Watched(ColourSteer):
    """A steering that keeps what it was asked for."""

    def __init__(self, *, strength: float = 0.02) -> None:
        super().__init__(strength=strength)
        self.written: list[tuple[Sequence[Sequence[int]], Change | None, int]] = []

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        self.written.append((prompts, change, seed))
        return await super().generate(prompts, change, tokens=tokens, temperature=temperature, seed=seed)


def on(llm: Scripted, steer: ColourSteer | None) -> Bench:
    made = bench(llm, seed=3)
    return replace(made, tools=replace(made.tools, steer=steer))


async def explain(llm: Scripted, model: ColourSteer | None, **options: object) -> Explanation | Unread:
    here = on(llm, model)
    return await here.explainer("output", options).explain(here.specimen.feature, here.specimen.explain)


def lines(request: Request) -> list[dict[str, Any]]:
    return [json.loads(line) for line in request.messages[-1].text.split("\n")]


async def test_ten_prompts_that_end_at_the_first_firing_token_are_continued_twice_by_the_same_chance() -> None:
    steer, llm = Watched(), Scripted()
    explanation = await explain(llm, steer)

    [(prompts, clean, seed), (again, steered, same_seed)] = steer.written
    by_window = {example.window: example for example in on(llm, steer).specimen.explain}
    assert isinstance(explanation, Explanation)
    chosen = [by_window[window] for window in explanation.shown]
    firsts = [next(i for i, a in enumerate(e.activations) if a > 0) for e in chosen]
    assert [tuple(p) for p in prompts] == [e.tokens[: first + 1] for e, first in zip(chosen, firsts, strict=True)]
    assert (len(prompts), again, seed) == (10, prompts, same_seed)
    assert clean is None
    assert steered is not None
    assert steered.mode is Mode.ADD
    assert 0.02 * steered.strength**2 == pytest.approx(1.0, rel=0.1)


async def test_the_prompt_shows_tokens_and_pairs_and_no_beginning() -> None:
    llm = Scripted()
    await explain(llm, ColourSteer())

    promoted, suppressed, *pairs = lines(llm.requests[0])
    assert promoted == {"effect": "promoted", "tokens": [f" {colour}" for colour in COLOURS]}
    assert suppressed["effect"] == "suppressed"
    assert len(pairs) == 10
    assert all(set(pair) == {"clean", "steered"} for pair in pairs)


async def test_the_explanation_says_that_it_is_about_the_output() -> None:
    explanation = await explain(Scripted(lambda request: '{"promotes": "names of\\ncolours"}'), ColourSteer())

    assert isinstance(explanation, Explanation)
    assert explanation.text == "Promotes names of colours"


async def test_without_steering_it_works_from_the_logits_alone() -> None:
    llm = Scripted()
    explanation = await explain(llm, None, steer=False)

    assert isinstance(explanation, Explanation)
    assert explanation.shown == ()
    assert all(f'"{colour}"' in explanation.text for colour in COLOURS)
    assert ["effect", "effect"] == [next(iter(line)) for line in lines(llm.requests[0])]


def test_without_a_subject_model_it_names_the_option() -> None:
    with pytest.raises(InvalidSpec, match="steer = false"):
        on(Scripted(), None).explainer("output")


async def test_a_feature_that_moves_nothing_is_not_explained() -> None:
    llm = Scripted()
    unread = await explain(llm, ColourSteer(strength=0.0))

    assert isinstance(unread, Unread)
    assert unread.kind is UnreadKind.FAILED
    assert "out of reach" in unread.detail
    assert llm.requests == []


async def test_a_feature_that_promotes_no_token_is_not_explained_from_logits() -> None:
    llm = Scripted()
    here = on(llm, None)
    feature = here.specimen.feature
    silent = replace(feature, statistics=replace(feature.statistics, promoted=()))

    unread = await here.explainer("output", {"steer": False}).explain(silent, here.specimen.explain)

    assert isinstance(unread, Unread)
    assert "needed" in unread.detail
    assert llm.requests == []
