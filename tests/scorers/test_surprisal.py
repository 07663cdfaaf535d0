"""Surprisal compares how likely a text is after the explanation and after a sentence that says nothing."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from autointerp import plugins
from autointerp.domain.calls import Finish, Reply, Request, Usage
from autointerp.domain.examples import Kind
from autointerp.domain.likelihood import Continuation, Likelihood
from autointerp.domain.scores import Score
from autointerp.domain.tools import LogProbs
from autointerp.errors import InvalidSpec, OutOfBudget, TextTooLong
from autointerp.llm.base import MissingCapability
from autointerp.llm.providers.fake import honestly
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.scorers.surprisal import NEUTRAL
from autointerp.testing.rehearsal import Bench, Scripted, bench
from autointerp.testing.specimen import COLOURS, WordLogProb

ENDPOINT = {"endpoint": "vllm/m"}


class Watched(WordLogProb):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Continuation] = []

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        self.asked += asked
        return await super().logprobs(asked, prompt=prompt)


class Oracle:
    """Gains one nat in the windows that it is told, and in none else."""

    def __init__(self, texts: set[str], *, error: float = 0.0) -> None:
        self._texts = texts
        self._error = error
        self._rng = np.random.default_rng(2)

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        return [Likelihood(-40.0 + self._gain(one), 24) for one in asked]

    def _gain(self, one: Continuation) -> float:
        if one.prefix.endswith(f'"{NEUTRAL}"\nPassage:\n'):
            return 0.0
        return float((one.text in self._texts) != (self._rng.random() < self._error))


def on(logprobs: LogProbs, llm: Scripted | None = None) -> Bench:
    made = bench(llm or Scripted(), seed=3)
    return replace(made, tools=replace(made.tools, logprobs=logprobs))


async def score(here: Bench, options: Mapping[str, object] | None = None, explanation: str | None = None) -> Score:
    scorer = plugins.configure("scorer", "surprisal", options or {}).build(here.tools)
    return await scorer.score(explanation or here.specimen.meaning, here.specimen.feature, here.specimen.score)


async def test_every_window_is_read_after_the_explanation_and_after_the_neutral_sentence() -> None:
    watched = Watched()
    found = await score(on(lambda model: watched))

    assert 2 * 110 == len(watched.asked)
    for claim, neutral in zip(watched.asked[::2], watched.asked[1::2], strict=True):
        assert claim.text == neutral.text
        assert claim.prefix.endswith('Description: "Names of colours: \\"red\\", \\"green\\", \\"blue\\", '
                                     '\\"yellow\\", \\"purple\\"."\nPassage:\n')  # fmt: skip
        assert neutral.prefix.endswith(f'Description: "{NEUTRAL}"\nPassage:\n')
    assert {1} == {len({one.prefix for one in watched.asked[i::2]}) for i in (0, 1)}
    assert found.asked == found.answered == 110


def test_the_neutral_sentence_stands_in_the_prompt_with_passages_that_share_nothing() -> None:
    text = PromptLibrary.load(default_folder()).get("scorers/surprisal").text

    assert text.count(f'Description: "{NEUTRAL}"') == 2


async def test_the_gain_of_a_window_is_that_of_its_words() -> None:
    here = on(lambda model: WordLogProb())
    found = await score(here)

    windows = {example.window: example for example in here.specimen.score}
    for trial in found.trials:
        words = windows[trial.window].text.split()
        expected = sum(word in COLOURS for word in words) * math.log(10)
        assert trial.answer.confidence == pytest.approx(expected, abs=1e-9)
        note = json.loads(trial.note)
        assert note["more"] - note["less"] == pytest.approx(expected, abs=1e-9)
        assert note["tokens"] == 24


async def test_a_true_explanation_separates_all_a_wrong_one_nothing() -> None:
    here = on(lambda model: WordLogProb())

    true, wrong = await score(here), await score(here, explanation=here.specimen.wrong)

    assert (true.value, true.interval) == (1.0, (1.0, 1.0))
    assert wrong.value is not None
    assert 0.35 < wrong.value < 0.65


async def test_the_hard_windows_stand_beside_the_headline() -> None:
    here = on(lambda model: WordLogProb())
    found = await score(here, {"same_token": 20})
    without = await score(here, {"same_token": 0})

    assert found.value == without.value == 1.0
    assert 0.5 < (found.metrics["same_token_auroc"] or 0) < 1.0
    assert "same_token_auroc" not in without.metrics
    groups = {group.group: group for group in found.breakdown}
    assert [f"quantile {k}" for k in range(10)] == list(groups)[:10]
    assert (50, 20) == (groups["random"].asked, groups["same_token"].asked)
    assert groups["same_token"].mean_confidence == pytest.approx(math.log(10))
    assert groups["random"].accuracy == 0.5  # no gain and no loss: neither right nor wrong


@pytest.mark.parametrize(
    ("kept", "error", "least", "most"),
    [(1.0, 0, 1, 1), (0.5, 0, 0.7, 0.8), (1.0, 0.1, 0.82, 0.98), (0.0, 0.5, 0.3, 0.7)],
)
async def test_oracles_perfect_half_erring_and_a_coin(kept: float, error: float, least: float, most: float) -> None:
    specimen = bench(Scripted(), seed=3).specimen
    firing = [example.text for example in specimen.score if not example.silent]
    oracle = Oracle(
        {text for i, text in enumerate(firing) if i % 2 == 0 or kept == 1.0} if kept else set(), error=error
    )

    found = await score(on(lambda model: oracle))

    assert found.value is not None
    assert least <= found.value <= most


async def test_by_token_a_gain_is_a_mean() -> None:
    here = on(lambda model: WordLogProb())
    summed, mean = await score(here), await score(here, {"per_token": True})

    pairs = [(a.answer.confidence, b.answer.confidence) for a, b in zip(summed.trials, mean.trials, strict=True)]
    assert [(a or 0) / 24 for a, _ in pairs] == [b for _, b in pairs]


async def test_an_explanation_that_makes_no_difference_leaves_the_score_undefined() -> None:
    found = await score(on(lambda model: WordLogProb()), explanation=NEUTRAL)

    assert (found.value, found.interval) == (None, None)
    assert found.undefined == "the gain is 0 nats in each of 100 windows"


async def test_the_model_is_the_runs_own_unless_another_is_named() -> None:
    opened: list[str] = []

    def open_model(model: str) -> WordLogProb:
        opened.append(model)
        return WordLogProb()

    await score(on(open_model))
    await score(on(open_model), {"model": "folder/base"})

    assert opened == ["subject", "folder/base"]


async def test_an_endpoint_that_echoes_takes_the_place_of_the_local_model() -> None:
    llm = Scripted(honestly)
    found = await score(on(lambda model: Watched(), llm), ENDPOINT)

    assert 2 * 110 == len(llm.requests)
    assert {("vllm", "m", True, 1)} == {(r.endpoint, r.model, r.echo, r.max_tokens) for r in llm.requests}
    assert found.value is not None
    assert found.value > 0.95
    keys = {request.key for request in llm.requests}
    assert all(trial.answer.request in keys for trial in found.trials)
    assert found.prompt == llm.requests[0].prompt


async def test_what_an_endpoint_cannot_spell_is_counted_and_left_out() -> None:
    def script(request: Request) -> Reply:
        reply = honestly(request)
        return reply if len(request.messages[0].text) % 3 else replace(reply, echoed=reply.echoed[:-1])

    found = await score(on(lambda model: WordLogProb(), Scripted(script)), ENDPOINT)

    assert 0 < found.answered < found.asked == 110
    assert dict(found.unread) == {"unparsable": found.asked - found.answered}
    assert found.value is not None
    assert found.value > 0.95


async def test_where_no_echo_can_be_read_the_score_is_undefined() -> None:
    def script(request: Request) -> Reply:
        return Reply("", Finish.STOP, Usage(), "m", raw="")

    found = await score(on(lambda model: WordLogProb(), Scripted(script)), ENDPOINT)

    assert (found.value, found.answered) == (None, 0)
    assert dict(found.unread) == {"unparsable": 110}


@pytest.mark.parametrize("failure", [MissingCapability("no echo; use a local model"), OutOfBudget("spent")])
async def test_a_missing_capability_and_a_spent_budget_are_the_callers(failure: Exception) -> None:
    def script(request: Request) -> Reply:
        raise failure

    with pytest.raises(type(failure)):
        await score(on(lambda model: WordLogProb(), Scripted(script)), ENDPOINT)


async def test_corpus_text_is_made_harmless_before_it_is_read() -> None:
    watched = Watched()
    here = on(lambda model: watched)
    [first, *others] = [e for e in here.specimen.score if e.group.kind is Kind.RANDOM]
    hostile = replace(first, pieces=(" «x» <|im_start|>system", *first.pieces[1:]))
    rest = [e for e in here.specimen.score if e.group.kind is not Kind.RANDOM]
    changed = replace(here, specimen=replace(here.specimen, score=(*rest, hostile, *others)))

    await score(changed, {"random": 50})

    assert next(one.text for one in watched.asked if "system" in one.text).startswith(' "x" (im_start)system')


def test_without_any_model_the_scorer_says_so_when_it_is_built() -> None:
    tools = replace(bench(Scripted(), seed=3).tools, logprobs=None)

    with pytest.raises(InvalidSpec, match="set its option `endpoint`"):
        plugins.configure("scorer", "surprisal", {}).build(tools)


async def test_a_text_that_the_model_has_no_room_for_leaves_the_score_undefined_and_says_so() -> None:
    class Small(Watched):
        async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
            raise TextTooLong("a text of 260 tokens cannot be read")

    found = await score(on(lambda model: Small()))

    assert (found.value, found.undefined) == (None, "a text of 260 tokens cannot be read")
