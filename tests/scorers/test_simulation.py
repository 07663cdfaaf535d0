"""Simulation: predicted against true activations, whole windows at a time."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from autointerp import plugins
from autointerp.analysis.predictions import Guess
from autointerp.domain.calls import Finish, Reply, Request, TokenLogprob, Usage
from autointerp.domain.scores import Score, Trial
from autointerp.errors import InvalidSpec
from autointerp.llm.asker import Asker, LLMOptions
from autointerp.llm.base import MissingCapability
from autointerp.llm.providers.fake import finished
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.scorers._simulators import Echoing, Writing, marked
from autointerp.testing import predictors
from autointerp.testing.predictors import Oracle, Sees
from autointerp.testing.rehearsal import Script, Scripted, bench
from autointerp.testing.specimen import STRONGEST, specimen

FEATURE = specimen(per_quantile=5, random=50, same_token=20, seed=1)


def oracle(sees: Sees, most: int = 10) -> Oracle:
    return Oracle(FEATURE.score, sees, strongest=STRONGEST, most=most)


async def score(script: Script, options: dict[str, Any] | None = None, seed: int = 3) -> Score:
    tools = bench(Scripted(script), seed=seed).tools
    scorer = plugins.configure("scorer", "simulation", options or {}).build(tools)
    return await scorer.score("x", FEATURE.feature, FEATURE.score)


def notes(found: Score, *parts: str) -> list[dict[str, Any]]:
    kept = [json.loads(trial.note) for trial in found.trials]
    return [note for note in kept if note["part"] in parts]


def correlation(kept: list[dict[str, Any]]) -> float:
    true, predicted = ([value for note in kept for value in note[side]] for side in ("true", "predicted"))
    return float(stats.pearsonr(true, predicted).statistic)


async def test_by_default_the_five_strongest_windows_meet_five_silent_ones_and_five_others_stand_beside() -> None:
    found = await score(oracle(predictors.perfect))

    assert Counter(json.loads(trial.note)["part"] for trial in found.trials) == {"top": 5, "random": 5, "firing": 5}
    assert len({trial.window for trial in found.trials}) == 15
    strongest = sorted((e.max for e in FEATURE.score), reverse=True)[:5]
    assert sorted((max(note["true"]) for note in notes(found, "top")), reverse=True) == strongest
    assert all(max(note["true"]) == 0 for note in notes(found, "random"))
    assert len({max(note["true"]) for note in notes(found, "firing")}) > 1


async def test_the_headline_and_the_number_beside_it_are_pearsons_over_all_tokens_at_once() -> None:
    found = await score(oracle(predictors.misses_half))

    assert found.value == pytest.approx(correlation(notes(found, "top", "random")))
    assert found.metrics["top_and_random"] == found.value
    assert found.metrics["random_only"] == pytest.approx(correlation(notes(found, "firing")))


async def test_random_only_asks_about_those_windows_alone_and_gives_the_same_number() -> None:
    both, alone = [
        await score(oracle(predictors.misses_half), {"examples": e}) for e in ("top_and_random", "random_only")
    ]

    assert (alone.asked, alone.metrics["top_and_random"]) == (5, None)
    assert alone.value == both.metrics["random_only"]
    assert notes(alone, "firing") == notes(both, "firing")


async def test_a_perfect_simulator_loses_only_what_rounding_costs() -> None:
    found = await score(oracle(predictors.perfect))

    assert found.value is not None
    assert found.value > 0.985
    assert found.metrics["random_only"] == pytest.approx(1, abs=0.015)
    assert [(group.group, group.correct) for group in found.breakdown if group.correct < group.answered] == []


async def test_missing_half_of_the_windows_and_firing_in_silent_ones_cost_much_and_a_coin_scores_nothing() -> None:
    full, half, broad, coin = [
        (await score(oracle(sees), {"top": 20, "random": 20})).value or 0.0
        for sees in (predictors.perfect, predictors.misses_half, predictors.twice_too_broad, predictors.coin)
    ]

    assert half < full - 0.15
    assert broad < full - 0.15
    assert abs(coin) < 0.15


async def test_an_explanation_too_broad_at_the_density_of_the_corpus_is_hardly_seen() -> None:
    # Ten random windows hold too little text for what is rare; docs/scoring.md says so.
    full, broad = await score(oracle(predictors.perfect)), await score(oracle(predictors.broad_at_density(0.001)))

    assert broad.value == pytest.approx(full.value, abs=0.05)


async def test_a_constant_simulator_is_undefined_and_not_zero() -> None:
    found = await score(oracle(predictors.constant))

    assert (found.value, found.interval) == (None, None)
    assert "predicted activation is 5 at every token" in (found.undefined or "")
    assert found.asked == found.answered == 15


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda levels: levels | {"25": 0}, "wrong_count"),
        (lambda levels: {k: v for k, v in levels.items() if k != "3"}, "wrong_count"),
        (lambda levels: levels | {"3": 2.5}, "not_a_number"),
        (lambda levels: levels | {"3": "2"}, "not_a_number"),
        (lambda levels: levels | {"3": None}, "not_a_number"),
        (lambda levels: levels | {"3": math.nan}, "not_a_number"),
        (lambda levels: levels | {"3": 11}, "out_of_range"),
        (lambda levels: levels | {"3": -1}, "out_of_range"),
        (lambda levels: list(levels.values()), "unparsable"),
    ],
)
async def test_a_reply_that_is_not_one_level_a_token_is_unread_under_its_kind_and_never_zeros(
    change: Callable[[dict[str, Any]], Any], kind: str
) -> None:
    plain = await score(oracle(predictors.perfect))
    bad = notes(plain, "top")[0]["true"]

    def script(request: Request) -> str:
        answer = oracle(predictors.perfect)(request)
        shown = json.loads(request.messages[-1].text.splitlines()[1])
        hurt = next(e for e in FEATURE.score if list(e.pieces) == list(shown.values())).activations == tuple(bad)
        return json.dumps(change(json.loads(answer))) if hurt else answer

    found = await score(script)

    assert dict(found.unread) == {kind: 1}
    assert (found.asked, found.answered) == (15, 14)
    kept = notes(found, "top", "random")
    assert [note["true"] for note in kept if note["predicted"] is None] == [bad]
    assert found.value == pytest.approx(correlation([note for note in kept if note["predicted"] is not None]))


async def test_where_every_sequence_of_the_headline_is_unread_the_reason_says_so() -> None:
    found = await score(lambda request: "I would rather not.")

    assert found.undefined == "there is no prediction to compare; 15 of 15 could not be read (15 prose)"


async def test_log_probabilities_turn_each_number_into_its_expected_value() -> None:
    def script(request: Request) -> Reply:
        written = json.loads(oracle(predictors.perfect)(request))
        tokens: list[TokenLogprob] = [TokenLogprob(b"{", 0.0)]
        for name, value in written.items():
            tokens.append(TokenLogprob(f'"{name}": '.encode() if name == "1" else f', "{name}": '.encode(), 0.0))
            other = 0 if value else 4
            tokens.append(TokenLogprob(str(value).encode(), math.log(0.75), ((str(other).encode(), math.log(0.25)),)))
        tokens.append(TokenLogprob(b"}", 0.0))
        text = b"".join(token.token for token in tokens).decode()
        return Reply(text, Finish.STOP, Usage(), request.model, raw=text, logprobs=tuple(tokens))

    found = await score(script, {"logprobs": 5})

    predicted = {value for note in notes(found, "top") for value in note["predicted"]}
    assert predicted == {1.0, 7.5, 4.5}  # 0 or 4; 10 or 0; 6 or 0


@pytest.mark.parametrize(("calibration", "same"), [("linear", True), ("percentile", False)])
async def test_a_calibration_is_fitted_on_windows_that_are_not_scored(calibration: str, same: bool) -> None:
    plain = await score(oracle(predictors.misses_half))
    found = await score(oracle(predictors.misses_half), {"calibration": calibration, "calibrate": 10})

    assert Counter(json.loads(trial.note)["part"] for trial in found.trials)["calibration"] == 10
    assert len({trial.window for trial in found.trials}) == 25
    assert notes(found, "top", "random", "firing") == notes(plain, "top", "random", "firing")
    assert (found.value == pytest.approx(plain.value)) == same
    assert (found.metrics["squares_explained"] or 0) > 0
    assert "squares_explained" not in plain.metrics


async def test_a_calibration_that_cannot_be_fitted_leaves_the_score_undefined() -> None:
    found = await score(oracle(predictors.constant), {"calibration": "linear"})

    assert found.value is None
    assert "calibration" in (found.undefined or "")


async def test_every_request_shares_its_beginning_and_shows_the_tokens_under_their_numbers() -> None:
    llm = Scripted(oracle(predictors.perfect))
    scorer = plugins.configure("scorer", "simulation", {}).build(bench(llm, seed=3).tools)
    await scorer.score('say "0"', FEATURE.feature, FEATURE.score)

    assert len({request.messages[:-1] for request in llm.requests}) == 1
    first, shown = llm.requests[0].messages[-1].text.splitlines()
    assert first == 'Explanation: "say \\"0\\""'
    assert (
        list(json.loads(shown))
        == [str(i) for i in range(1, 25)]
        == json.loads(llm.requests[0].schema or "")["required"]
    )


def test_the_headline_must_be_computed_from_something() -> None:
    with pytest.raises(InvalidSpec, match="at least 1"):
        plugins.configure("scorer", "simulation", {"examples": "random_only", "firing": 0})


nasty = st.lists(
    st.text(st.sampled_from('«»"\\\n\r\t\u2028\x85{}?%<>|[]/ 09') | st.characters(), max_size=6), min_size=1, max_size=6
)
LIBRARY = PromptLibrary.load(default_folder())


@given(explanation=st.text(max_size=20), pieces=nasty)
@settings(max_examples=60)
async def test_no_token_breaks_the_object_that_shows_it(explanation: str, pieces: list[str]) -> None:
    llm = Scripted(lambda request: json.dumps({str(i + 1): i % 11 for i in range(len(pieces))}))
    writing = Writing(Asker(LLMOptions(), llm, "e", "m", LIBRARY), "scorers/simulation", None)

    guess = (await writing.simulate(explanation, [pieces])).guesses[0]

    assert guess.values == tuple(float(i % 11) for i in range(len(pieces)))
    lines = llm.requests[0].messages[-1].text.split("\n")
    assert len(lines) == 2
    assert len(json.loads(lines[1])) == len(pieces)


class Completions:
    """A completions endpoint: cuts text at tabs, marks and digits, and knows the odds of digits at each mark."""

    def __init__(
        self, levels: Callable[[tuple[str, ...]], list[int]], pattern: str = r"\t|\?\n?|[0-9]|[^\t?0-9]+"
    ) -> None:
        self._levels = levels
        self._pattern = pattern

    def __call__(self, request: Request) -> Reply:
        text = request.messages[0].text
        record = text[text.rindex("Text:\n") + 6 :]
        pieces = tuple(json.loads(line.rsplit("\t", 1)[0]) for line in record.split("\n"))
        digits = [0] * (text.count("\t?") - len(pieces)) + self._levels(pieces)
        tokens = [TokenLogprob(name.encode(), -1.0) for name in re.findall(self._pattern, text)]
        places = [i for i, one in enumerate(tokens) if one.token.startswith(b"?") and tokens[i - 1].token == b"\t"]
        for place, digit in zip(places, digits, strict=False):
            tokens[place] = replace(tokens[place], alternatives=self._odds(digit))
        return replace(finished(request, ""), echoed=tuple(tokens[1:]))

    def _odds(self, digit: int) -> tuple[tuple[bytes, float], ...]:
        return ((str(digit).encode(), math.log(0.03)), (b"the", math.log(0.02)), (b"10", math.log(0.01)))


async def test_an_echo_gives_the_expected_digit_at_every_token_at_once() -> None:
    llm = Scripted(Completions(oracle(predictors.perfect, most=9).levels))
    scorer = plugins.configure("scorer", "simulation", {"predict": "echo"}).build(bench(llm, seed=3).tools)

    found = await scorer.score("x", FEATURE.feature, FEATURE.score)

    assert found.value is not None
    assert found.value > 0.985
    assert {request.echo for request in llm.requests} == {True}
    assert {(len(request.messages), request.schema, request.logprobs) for request in llm.requests} == {(1, None, 15)}
    assert len(llm.requests) == 15


async def simulated(llm: Scripted, explanation: str, pieces: list[str]) -> Guess:
    echoing = Echoing(llm, "e", "m", LIBRARY, "scorers/simulation_echo", 15)
    return (await echoing.simulate(explanation, [pieces])).guesses[0]


@given(pieces=nasty)
@settings(max_examples=60)
async def test_no_token_breaks_the_lines_of_an_echo(pieces: list[str]) -> None:
    llm = Scripted(Completions(lambda shown: [i % 10 for i in range(len(shown))]))

    guess = await simulated(llm, "?\t9\nText:\n", pieces)

    assert guess.values == tuple(float(i % 10) for i in range(len(pieces)))


async def test_an_endpoint_without_log_probabilities_of_given_text_is_an_error_that_names_what_to_do() -> None:
    def script(request: Request) -> str:
        raise MissingCapability("it tells none")

    with pytest.raises(MissingCapability, match='predict = "json"'):
        await score(script, {"predict": "echo"})


async def test_a_tokenizer_that_joins_the_tab_with_the_mark_is_an_error_and_no_guess() -> None:
    llm = Scripted(Completions(lambda shown: [], pattern=r"\t\?|[0-9]|[^\t?0-9]+|\?|\t"))

    with pytest.raises(MissingCapability, match="joins the tab"):
        await simulated(llm, "x", [" a", " b"])


async def test_where_no_digit_is_among_the_alternatives_the_sequence_is_unread() -> None:
    class Mute(Completions):
        def _odds(self, digit: int) -> tuple[tuple[bytes, float], ...]:
            return ((b"a", -1.0),) if digit == 5 else super()._odds(digit)

    guesses = [await simulated(Scripted(Mute(lambda shown, d=d: [1, d])), "x", [" a", " b"]) for d in (4, 5)]

    assert guesses[0].values == (1.0, 4.0)
    assert (guesses[1].values, guesses[1].unread) == (None, "undecided")


async def test_a_reply_without_an_echo_is_unread() -> None:
    guess = await simulated(Scripted(lambda request: "hm"), "x", [" a"])

    assert replace(guess, request=None) == Guess(None, "malformed")


async def test_trials_of_the_same_window_are_never_asked_twice() -> None:
    found = await score(oracle(predictors.perfect), {"top": 20, "firing": 40, "random": 50})

    counts: Counter[tuple[int, int]] = Counter(trial.window for trial in found.trials)
    assert max(counts.values()) == 1
    assert all(isinstance(trial, Trial) and trial.answer.verdict is None for trial in found.trials)
    assert np.isfinite(found.value or np.nan)


WORDS_OF = {
    "GPT-2": r"'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "GPT-4, Llama 3": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "Qwen": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


@pytest.mark.parametrize("name", WORDS_OF)
async def test_the_mark_and_each_digit_begin_a_token_however_a_tokenizer_splits_text(name: str) -> None:
    llm = Scripted(lambda request: "hm")
    await simulated(llm, "x\t9", [" The", "\n", "\t\t", "?", '"', " 10", "", "\\", "é", " end\n", "f("])
    text = llm.requests[0].messages[0].text

    split = Split(Regex(WORDS_OF[name]), "isolated").pre_tokenize_str(text)

    tokens = [TokenLogprob(word.encode(), 0.0) for word, _ in split]
    assert len(marked(tokens)) == text.count("\t?")
    digits = [after.token for before, after in pairwise(tokens) if before.token.endswith(b"\t")]
    assert len(digits) == text.count("\t")
