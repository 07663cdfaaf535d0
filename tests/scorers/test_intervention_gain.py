"""Intervention in the paper's form: how much likelier the explanation is after the text with more of the feature."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from autointerp import plugins
from autointerp.domain.calls import Reply, Request
from autointerp.domain.likelihood import Continuation, Likelihood
from autointerp.domain.scores import Score
from autointerp.domain.steering import Change, Mode, Steer, Steered
from autointerp.errors import InvalidSpec, OutOfBudget
from autointerp.llm.providers.fake import honestly
from autointerp.testing.rehearsal import Bench, Coin, Scripted, bench
from autointerp.testing.specimen import ColourSteer, WordLogProb

GAIN = {"answer": "logprob"}


class Watched(WordLogProb):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Continuation] = []

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        self.asked += asked
        return await super().logprobs(asked, prompt=prompt)


class Inverted(ColourSteer):
    """Writes colours unless the feature is taken away."""

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        shown = Change(7, Mode.ADD, 1.0) if change is None else None
        return await super().generate(prompts, shown, tokens=tokens, temperature=temperature, seed=seed)


def on(steer: Steer | None = None, reader: WordLogProb | None = None, llm: Scripted | None = None) -> Bench:
    made = bench(llm or Scripted(), seed=3)
    tools = replace(made.tools, steer=steer or ColourSteer(), logprobs=lambda model: reader or WordLogProb())
    return replace(made, tools=tools)


async def score(here: Bench, options: Mapping[str, object] | None = None, explanation: str | None = None) -> Score:
    scorer = plugins.configure("scorer", "intervention", {**GAIN, **(options or {})}).build(here.tools)
    return await scorer.score(explanation or here.specimen.meaning, here.specimen.feature, here.specimen.score)


async def test_a_truthful_explanation_gains_and_a_wrong_one_does_not() -> None:
    here = on()

    true, wrong = await score(here), await score(here, explanation=here.specimen.wrong)

    assert true.metric == wrong.metric == "log_probability_gain"
    assert true.value is not None
    assert true.interval is not None
    assert 0 < true.interval[0] <= true.value <= true.interval[1]
    assert wrong.value is not None
    assert wrong.interval is not None
    assert wrong.value < 0.3 * true.value
    assert wrong.interval[0] < 0.1


async def test_a_feature_without_effect_gains_nothing() -> None:
    found = await score(on(ColourSteer(strength=0.0)), {"mode": "ablate"})

    assert (found.value, found.interval) == (0.0, (0.0, 0.0))
    assert found.metrics["identical"] == 1.0


async def test_a_feature_out_of_reach_leaves_the_score_undefined() -> None:
    found = await score(on(ColourSteer(strength=0.0)))

    assert (found.value, found.metric) == (None, "log_probability_gain")
    assert found.undefined is not None
    assert "out of reach" in found.undefined


async def test_when_the_feature_is_taken_away_the_clean_text_is_the_one_with_more() -> None:
    here = on(Inverted())

    found = await score(here, {"mode": "ablate"})

    assert found.value is not None
    assert found.value > 0


async def test_the_explanation_is_read_right_after_each_text_and_the_gain_is_the_difference() -> None:
    watched = Watched()
    here = on(reader=watched)

    found = await score(here)

    assert 2 * 30 == len(watched.asked)
    assert {f" {here.specimen.meaning}"} == {one.text for one in watched.asked}
    for trial, more, less in zip(found.trials, watched.asked[::2], watched.asked[1::2], strict=True):
        note = json.loads(trial.note)
        assert more.prefix.endswith(f"Text: {json.dumps(note['changed'])}\nIn mind:")
        assert less.prefix.endswith(f"Text: {json.dumps(note['clean'])}\nIn mind:")
        assert trial.answer.confidence == note["more"] - note["less"]
        assert set(note) == {"strength", "clean", "changed", "more", "less", "tokens"}
    assert found.value == pytest.approx(sum(t.answer.confidence or 0 for t in found.trials) / 30)
    assert [(f"quantile {k}", 3) for k in range(10)] == [(group.group, group.asked) for group in found.breakdown]


async def test_the_same_texts_are_written_as_for_a_choice() -> None:
    here = on()
    choice = here.scorer("intervention", here.judge("lexical"))
    chosen = await choice.score(here.specimen.meaning, here.specimen.feature, here.specimen.score)

    read = await score(here)

    kept = ("strength", "clean", "changed")
    assert [json.loads(trial.note) for trial in chosen.trials] == [
        {name: json.loads(trial.note)[name] for name in kept} for trial in read.trials
    ]
    assert chosen.metrics["kl"] == read.metrics["kl"]


async def test_an_endpoint_that_echoes_takes_the_place_of_the_local_model() -> None:
    llm = Scripted(honestly)
    found = await score(on(llm=llm), {"endpoint": "vllm/m"})

    assert {("vllm", "m", True)} == {(request.endpoint, request.model, request.echo) for request in llm.requests}
    assert found.value is not None
    assert found.value > 0
    assert found.prompt == llm.requests[0].prompt


async def test_what_an_endpoint_cannot_spell_is_counted_and_left_out() -> None:
    def script(request: Request) -> Reply:
        reply = honestly(request)
        return reply if len(request.messages[0].text) % 3 else replace(reply, echoed=())

    found = await score(on(llm=Scripted(script)), {"endpoint": "vllm/m"})

    assert 0 < found.answered < found.asked == 30
    assert dict(found.unread) == {"unparsable": 30 - found.answered}
    assert found.value is not None


async def test_no_request_is_made_after_the_budget_is_spent() -> None:
    with pytest.raises(OutOfBudget):
        await score(on(llm=Scripted(honestly, budget=0)), {"endpoint": "vllm/m"})


async def test_neither_order_nor_run_changes_the_score() -> None:
    here = on()
    turned = replace(here, specimen=replace(here.specimen, score=here.specimen.score[::-1]))

    assert await score(here) == await score(turned)


async def test_a_judge_is_needed_for_a_choice_and_not_asked_otherwise() -> None:
    here = on()
    with pytest.raises(InvalidSpec, match="needs a judge"):
        plugins.configure("scorer", "intervention", {}).build(here.tools)

    asked = here.scorer("intervention", Coin(), GAIN)
    found = await asked.score(here.specimen.meaning, here.specimen.feature, here.specimen.score)

    assert found == await score(here)
