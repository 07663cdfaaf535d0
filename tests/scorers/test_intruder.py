"""The intruder scorer measures the feature: how often a judge finds the silent window among firing ones."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from autointerp.domain.examples import Example, Group, Kind
from autointerp.domain.judging import Lineup, Pick, Question
from autointerp.domain.scores import Score
from autointerp.errors import InvalidSpec
from autointerp.testing.rehearsal import Bench, Coin, Scripted, bench


class Oracle(Coin):
    """Knows the silent texts, and sees the odd one in a share of the line-ups only; elsewhere it names another."""

    def __init__(self, on: Bench, *, right: float = 1.0) -> None:
        self._silent = {e.pieces for e in on.specimen.score if e.silent}
        self._right = right
        self.seen: list[Lineup] = []

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        self.seen = list(lineups)
        known = round(self._right * len(lineups))
        return [self._pick(lineup, knows=i < known) for i, lineup in enumerate(lineups)]

    def _pick(self, lineup: Lineup, *, knows: bool) -> Pick:
        [odd] = [i for i, passage in enumerate(lineup.passages) if passage.pieces in self._silent]
        return Pick(odd if knows else (odd + 1) % len(lineup.passages))


class OnlyAnswers:
    """A judge that cannot pick."""

    async def answer(self, questions: Sequence[Question]) -> Sequence[Any]:
        return []


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


async def score(on: Bench, judge: Any, options: dict[str, object] | None = None, explanation: str = "x") -> Score:
    scorer = on.scorer("intruder", judge, options)
    return await scorer.score(explanation, on.specimen.feature, on.specimen.score)


def with_quantiles(on: Bench, per_quantile: int) -> Bench:
    kept = [e for e in on.specimen.score if e.silent]
    for k in range(10):
        kept += [e for e in on.specimen.score if e.group == Group(Kind.QUANTILE, k)][:per_quantile]
    return Bench(replace(on.specimen, score=tuple(kept)), on.tools)


async def test_an_oracle_that_sees_every_intruder_scores_one(on: Bench) -> None:
    found = await score(on, Oracle(on))

    assert (found.value, found.interval) == (1.0, (1.0, 1.0))
    assert found.metrics == {"chance": 0.2, "above_chance": 1.0}


async def test_an_oracle_that_sees_half_of_the_intruders_scores_a_half(on: Bench) -> None:
    found = await score(on, Oracle(on, right=0.5))

    assert found.value == 0.5
    assert found.metrics["above_chance"] == pytest.approx((0.5 - 0.2) / 0.8)


async def test_a_coin_scores_one_in_the_number_of_texts(on: Bench) -> None:
    values = []
    for seed in range(40):
        here = replace(on, tools=replace(on.tools, seed=seed))
        values.append((await score(here, Coin())).value or 0)

    assert sum(values) / len(values) == pytest.approx(0.2, abs=0.05)


async def test_an_explanation_that_is_twice_too_broad_costs_nothing_because_it_is_not_shown(on: Bench) -> None:
    true, broad = Oracle(on), Oracle(on)
    broader = f"{on.specimen.meaning} {on.specimen.wrong}"

    assert await score(on, true, explanation=on.specimen.meaning) == await score(on, broad, explanation=broader)
    assert true.seen == broad.seen
    assert {lineup.explanation for lineup in true.seen} == {None}


async def test_the_explanation_is_shown_when_asked_for(on: Bench) -> None:
    judge = Oracle(on)
    await score(on, judge, {"show_explanation": True}, on.specimen.meaning)

    assert {lineup.explanation for lineup in judge.seen} == {on.specimen.meaning}


async def test_shown_to_a_judge_a_wrong_explanation_costs_much(on: Bench) -> None:
    options: dict[str, object] = {"show_explanation": True}

    true = await score(on, on.judge("llm"), options, on.specimen.meaning)
    wrong = await score(on, on.judge("llm"), options, on.specimen.wrong)

    assert true.value == 1.0
    assert wrong.value is not None
    assert wrong.value < 0.5


async def test_by_default_each_quantile_is_asked_about_twice_with_other_intruders(on: Bench) -> None:
    found = await score(on, Oracle(on))

    assert [(g.group, g.asked) for g in found.breakdown] == [(f"quantile {k}", 2) for k in range(10)]
    notes = [json.loads(trial.note) for trial in found.trials]
    odd = [tuple(note["windows"][note["odd"]]) for note in notes]
    assert len(set(odd)) == 20
    assert {note["picked"] == note["odd"] for note in notes} == {True}


async def test_the_four_others_are_of_one_quantile_and_in_no_other_set(on: Bench) -> None:
    examples = {example.window: example for example in on.specimen.score}

    found = await score(on, Oracle(on))

    sets: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for trial in found.trials:
        note = json.loads(trial.note)
        windows = [tuple(window) for window in note["windows"]]
        silent = windows.pop(note["odd"])
        assert examples[silent].group.kind is Kind.RANDOM
        assert {examples[window].group for window in windows} == {trial.group}
        assert sets.setdefault(trial.window, set(windows)) == set(windows)
    assert len(sets) == 10
    assert len(set().union(*sets.values())) == 40


async def test_spread_over_the_range_each_set_has_one_of_each_quarter(on: Bench) -> None:
    examples = {example.window: example for example in on.specimen.score}

    found = await score(on, Oracle(on), {"together": "range"})

    assert [(group.group, group.asked) for group in found.breakdown] == [("quantile", 20)]
    ranked = sorted((e for e in on.specimen.score if not e.silent), key=lambda e: (e.max, e.window))
    quarter = {e.window: sum(i >= k * len(ranked) // 4 for k in (1, 2, 3)) for i, e in enumerate(ranked)}
    for trial in found.trials:
        note = json.loads(trial.note)
        firing = [tuple(w) for i, w in enumerate(note["windows"]) if i != note["odd"]]
        assert sorted(quarter[window] for window in firing) == [0, 1, 2, 3]
        assert not any(examples[window].silent for window in firing)


async def test_the_intruder_stands_in_every_place_equally_often(on: Bench) -> None:
    found = await score(on, Oracle(on))

    assert Counter(json.loads(trial.note)["odd"] for trial in found.trials) == dict.fromkeys(range(5), 4)


async def test_the_marks_alone_give_nothing_away(on: Bench) -> None:
    judge = Oracle(on)
    silent = {e.pieces for e in on.specimen.score if e.silent}
    active = {e.pieces: e for e in on.specimen.score if not e.silent}

    await score(on, judge)

    for lineup in judge.seen:
        patterns: list[list[int]] = []
        distances: list[int] = []
        for passage in lineup.passages:
            marked = [i for i, mark in enumerate(passage.marks) if mark]
            assert marked
            if passage.pieces in silent:
                distances = [b - a for a, b in pairwise(marked)]
            else:
                example = active[passage.pieces]
                assert marked == [i for i, a in enumerate(example.activations) if a > 0.3 * example.max]
                patterns.append([b - a for a, b in pairwise(marked)])
        assert distances in patterns


async def test_without_marks_whole_windows_stand_there(on: Bench) -> None:
    judge = Oracle(on)

    await score(on, judge, {"marked": False})

    assert {passage.marks for lineup in judge.seen for passage in lineup.passages} == {()}


async def test_a_silent_window_too_short_for_any_pattern_is_marked_as_far_as_it_goes(on: Bench) -> None:
    def cut(example: Example) -> Example:
        return replace(example, tokens=example.tokens[:1], pieces=(f" {example.context}",), activations=(0.0,), peak=0)

    here = Bench(replace(on.specimen, score=tuple(cut(e) if e.silent else e for e in on.specimen.score)), on.tools)
    judge = Oracle(here)

    found = await score(here, judge)

    assert found.value == 1.0
    assert all(any(passage.marks) for lineup in judge.seen for passage in lineup.passages)


@pytest.mark.parametrize("kind", ["same_token"])
async def test_harder_silent_windows_may_be_the_intruders(on: Bench, kind: str) -> None:
    examples = {example.window: example for example in on.specimen.score}

    found = await score(on, Oracle(on), {"silent": kind})

    notes = [json.loads(trial.note) for trial in found.trials]
    assert {examples[tuple(n["windows"][n["odd"]])].group.kind for n in notes} == {Kind(kind)}


async def test_too_few_silent_windows_shorten_the_list_and_put_no_window_in_twice(on: Bench) -> None:
    silent = [e for e in on.specimen.score if e.group.kind is Kind.RANDOM][:13]
    firing = [e for e in on.specimen.score if not e.silent]
    here = Bench(replace(on.specimen, score=(*firing, *silent)), on.tools)

    found = await score(here, Oracle(here))

    assert found.asked == 13
    assert len({trial.window for trial in found.trials}) == 10


async def test_too_few_windows_of_one_quantile_leave_the_score_undefined(on: Bench) -> None:
    found = await score(with_quantiles(on, 3), Oracle(on))

    assert found.value is None
    assert found.undefined is not None
    assert "0 sets of 4 firing" in found.undefined
    assert "needed" in found.undefined
    assert (await score(with_quantiles(on, 3), Oracle(on), {"together": "range"})).value == 1.0


async def test_the_interval_resamples_sets_and_not_their_line_ups(on: Bench) -> None:
    class FirstSets(Oracle):
        """Right on every line-up of half of the sets."""

        async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
            return [self._pick(one, knows=i % 10 < 5) for i, one in enumerate(lineups)]

    once = await score(on, FirstSets(on), {"intruders": 1})
    twice = await score(on, FirstSets(on), {"intruders": 2})

    assert once.value == twice.value == 0.5
    assert once.interval == twice.interval


def test_a_judge_that_cannot_pick_is_refused_and_told_which_can(on: Bench) -> None:
    for judge in (on.judge("decisions"), OnlyAnswers()):
        with pytest.raises(InvalidSpec, match='"lexical", "embedding" or "llm"'):
            on.scorer("intruder", judge)


async def test_a_language_model_is_asked_once_a_line_up_for_one_letter() -> None:
    llm = Scripted()
    here = bench(llm, seed=3)

    found = await score(here, here.judge("llm"))

    assert len(llm.requests) == found.asked == 20
    assert json.loads(llm.requests[0].schema or "")["properties"] == {
        "odd": {"type": "string", "enum": ["a", "b", "c", "d", "e"]}
    }
    assert len({request.messages[:-1] for request in llm.requests}) == 1
    assert llm.requests[0].messages[-2].shared


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ('{"odd": "f"}', "out_of_range"),
        ('{"odd": 2}', "out_of_range"),
        ('{"odd": ["a", "b"]}', "out_of_range"),
        ('{"odd": null}', "out_of_range"),
        ('{"pick": "a"}', "wrong_count"),
        ('{"odd": "a", "also": "b"}', "wrong_count"),
        ("the third one", "prose"),
    ],
)
async def test_a_reply_that_names_no_one_passage_is_unread_and_counted(reply: str, kind: str) -> None:
    here = bench(Scripted(lambda request: reply), seed=3)

    found = await score(here, here.judge("llm"))

    assert found.value is None
    assert dict(found.unread) == {kind: 20}
    assert len(found.trials) == 20
