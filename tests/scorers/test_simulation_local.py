"""Simulation by a local model that reads: the same windows and numbers as by an endpoint, without a request."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from autointerp import plugins
from autointerp.analysis.levels import quantise
from autointerp.domain.likelihood import Cloze, ClozeLogProb, LabelLogProbs
from autointerp.domain.scores import Score
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.prompts import PromptLibrary, default_folder, parse
from autointerp.scorers._expected import of_labels
from autointerp.scorers._reading import LABELS
from autointerp.testing import predictors
from autointerp.testing.predictors import Oracle, OracleReader, Sees
from autointerp.testing.rehearsal import Scripted, bench
from autointerp.testing.specimen import STRONGEST, WordLogProb, specimen

FEATURE = specimen(per_quantile=5, random=50, same_token=20, seed=1)
LIBRARY = PromptLibrary.load(default_folder())


def reader(sees: Sees, *, sure: float = 1.0) -> OracleReader:
    return OracleReader(Oracle(FEATURE.score, sees, strongest=STRONGEST, most=9), sure=sure)


async def score(
    reader: ClozeLogProb,
    options: dict[str, Any] | None = None,
    *,
    explanation: str = "x",
    prompts: PromptLibrary = LIBRARY,
) -> Score:
    llm = Scripted()
    tools = replace(bench(llm, seed=3).tools, logprobs=lambda model: reader, prompts=prompts)
    scorer = plugins.configure("scorer", "simulation", {"predict": "local"} | (options or {})).build(tools)
    found = await scorer.score(explanation, FEATURE.feature, FEATURE.score)
    assert llm.requests == []
    return found


def notes(found: Score, *parts: str) -> list[dict[str, Any]]:
    kept = [json.loads(trial.note) for trial in found.trials]
    return [note for note in kept if not parts or note["part"] in parts]


async def test_a_perfect_simulator_loses_only_what_rounding_costs() -> None:
    found = await score(reader(predictors.perfect))

    kept = notes(found, "top", "random")
    true = [value for note in kept for value in note["true"]]
    expected = stats.pearsonr(true, quantise(true, strongest=STRONGEST, most=9)).statistic
    assert found.value == pytest.approx(expected)
    assert expected > 0.985
    assert found.metrics["random_only"] == pytest.approx(1, abs=0.015)
    assert (15, 15, {}) == (found.asked, found.answered, dict(found.unread))


async def test_the_windows_are_those_of_the_other_ways_and_the_prompt_is_told() -> None:
    scorer = plugins.configure("scorer", "simulation", {}).build(bench(Scripted(), seed=3).tools)
    other = await scorer.score("x", FEATURE.feature, FEATURE.score)

    found = await score(reader(predictors.perfect))

    assert [trial.window for trial in found.trials] == [trial.window for trial in other.trials]
    assert found.prompt == LIBRARY.get("scorers/simulation_echo").version
    assert {None} == {trial.answer.request for trial in found.trials}


async def test_missing_half_of_the_windows_and_firing_in_silent_ones_cost_much_and_a_coin_scores_nothing() -> None:
    full, half, broad, coin = [
        (await score(reader(sees), {"top": 20, "random": 20})).value or 0.0
        for sees in (predictors.perfect, predictors.misses_half, predictors.twice_too_broad, predictors.coin)
    ]

    assert half < full - 0.15
    assert broad < full - 0.15
    assert abs(coin) < 0.15


async def test_a_constant_simulator_is_undefined_and_not_zero() -> None:
    found = await score(reader(predictors.constant))

    assert (found.value, found.interval) == (None, None)
    assert "at every token" in (found.undefined or "")
    assert found.asked == found.answered == 15


async def test_each_prediction_is_the_expected_digit() -> None:
    found = await score(reader(predictors.perfect, sure=0.7))

    for note in notes(found):
        levels = quantise(note["true"], strongest=STRONGEST, most=9)
        assert note["predicted"] == pytest.approx([0.7 * k + 0.3 / 9 * (45 - k) for k in levels], abs=1e-4)


async def test_a_true_explanation_outscores_a_wrong_one() -> None:
    true, wrong = [await score(WordLogProb(), explanation=e) for e in (FEATURE.meaning, FEATURE.wrong)]

    assert true.value is not None
    assert wrong.value is None or wrong.value < true.value - 0.3


class Watched(OracleReader):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(Oracle(FEATURE.score, predictors.perfect, strongest=STRONGEST, most=9))
        self.calls: list[Sequence[Cloze]] = []

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        self.calls.append(asked)
        return await super().label_logprobs(asked, labels)


async def test_all_windows_are_read_in_one_batch_as_the_prompt_of_an_endpoint_shows_them() -> None:
    watched = Watched()
    found = await score(watched, explanation='say "0"\t?')

    (asked,) = watched.calls
    by_window = {example.window: example for example in FEATURE.score}
    windows = [by_window[trial.window] for trial in found.trials]
    assert len(windows) == len(asked) == 15
    for one, example in zip(asked, windows, strict=True):
        values = {"explanation": 'say "0"\t?', "pieces": list(example.pieces)}
        messages = LIBRARY.render("scorers/simulation_echo", values).messages
        assert one.prefix + "?".join(one.parts) == "\n\n".join(message.text for message in messages)
        assert one.parts[0].startswith("Record 5\nExplanation: ")
        assert len(one.parts) == len(example.pieces) + 1
    assert 1 == len({one.prefix for one in asked})


class Mute(Watched):
    """Finds no digit possible at one token of the first text."""

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        first, *rest = await super().label_logprobs(asked, labels)
        return [(*first[:-1], (-math.inf,) * len(labels)), *rest]


async def test_where_no_digit_is_possible_the_window_is_unread_and_never_zeros() -> None:
    plain, found = await score(Watched()), await score(Mute())

    assert dict(found.unread) == {"undecided": 1}
    assert (found.asked, found.answered) == (15, 14)
    assert [None, *[note["predicted"] for note in notes(plain)][1:]] == [note["predicted"] for note in notes(found)]


class Torn(Watched):
    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        raise InvalidModel("the tokenizer joins; use another model")


async def test_a_tokenizer_without_digits_is_an_error_that_names_what_to_do() -> None:
    with pytest.raises(InvalidModel, match='joins; use another model, or score with predict = "json"'):
        await score(Torn())


async def test_a_prompt_of_another_layout_is_refused() -> None:
    text = '+++\npurpose = "x"\nvariables = ["explanation", "pieces"]\nanswers = "x"\n+++\n=== user ===\n'
    prompts = PromptLibrary({"own": parse("own", text + "{{ explanation | json }} {{ pieces | length }}")})

    with pytest.raises(InvalidSpec, match="lay it out like that of scorers/simulation_echo"):
        await score(Watched(), {"prompt": "own"}, prompts=prompts)


async def test_the_model_is_the_runs_own_unless_another_is_named() -> None:
    opened: list[str] = []

    def open_model(model: str) -> WordLogProb:
        opened.append(model)
        return WordLogProb()

    tools = replace(bench(Scripted(), seed=3).tools, logprobs=open_model, llm=None, llm_model=None)
    for options in ({}, {"local": "nobody/model"}):
        plugins.configure("scorer", "simulation", {"predict": "local", **options}).build(tools)

    assert ["subject", "nobody/model"] == opened


def test_without_a_local_model_the_scorer_says_so_when_it_is_built() -> None:
    tools = replace(bench(Scripted(), seed=3).tools, logprobs=None)

    with pytest.raises(InvalidSpec, match='predict = "local" needs the odds of labels from a local language model'):
        plugins.configure("scorer", "simulation", {"predict": "local"}).build(tools)


def test_the_mean_label_is_that_of_probabilities_that_add_up_to_one() -> None:
    logprobs = np.log(
        [0.1, 0.0, 0.3] + [0.0] * 7, where=np.array([0.1, 0.0, 0.3] + [0.0] * 7) > 0, out=np.full(10, -np.inf)
    )

    assert of_labels(logprobs.tolist()) == of_labels((logprobs - 900).tolist()) == 1.5
    assert of_labels([-math.inf] * len(LABELS)) is None
    assert of_labels([-math.inf] * 9 + [-2000.0]) == 9.0
