"""Intervention steers, and the judge only sees what was written."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.judging import Answer, Question
from autointerp.domain.scores import Score
from autointerp.domain.steering import Change, Mode, Steered
from autointerp.scorers.intervention import prompt
from autointerp.testing.rehearsal import Bench, Scripted, bench
from autointerp.testing.specimen import ColourSteer


class Watched:
    """A steering that keeps what it was asked for."""

    def __init__(self, steer: ColourSteer) -> None:
        self._steer = steer
        self.changes: list[Change | None] = []
        self.prompts: list[Sequence[int]] = []

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        return await self._steer.kl(prompts, change)

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        self.changes.append(change)
        self.prompts = list(prompts)
        return await self._steer.generate(prompts, change, tokens=tokens, temperature=temperature, seed=seed)


def on(steer: ColourSteer | Watched) -> Bench:
    made = bench(Scripted(), seed=3)
    return replace(made, tools=replace(made.tools, steer=steer))


async def score(here: Bench, options: dict[str, object] | None = None) -> Score:
    scorer = here.scorer("intervention", here.judge("lexical"), options)
    return await scorer.score(here.specimen.meaning, here.specimen.feature, here.specimen.score)


async def test_the_feature_is_added_until_the_divergence_is_one_nat() -> None:
    watched = Watched(ColourSteer())

    found = await score(on(watched))

    assert found.metrics["kl"] == pytest.approx(1.0, rel=0.1)
    assert watched.changes == [None, Change(7, Mode.ADD, found.metrics["strength"] or 0)]


async def test_thirty_prompts_cover_the_whole_activation_range() -> None:
    found = await score(on(ColourSteer()))

    assert found.asked == 30
    assert [(group.group, group.asked) for group in found.breakdown] == [(f"quantile {k}", 3) for k in range(10)]


async def test_the_steered_text_comes_first_in_exactly_half_of_the_pairs() -> None:
    found = await score(on(ColourSteer()))

    assert sum(trial.truth for trial in found.trials) == 15


async def test_a_feature_out_of_reach_leaves_the_score_undefined() -> None:
    found = await score(on(ColourSteer(strength=0.0)))

    assert found.value is None
    assert found.undefined is not None
    assert "out of reach" in found.undefined


async def test_texts_that_do_not_differ_are_trials_like_any_other() -> None:
    found = await score(on(ColourSteer()), {"mode": "ablate"})

    assert found.asked == found.answered == 30
    assert found.metrics["identical"] == 1.0
    assert found.value == 0.5


@pytest.mark.parametrize("judge", ["lexical", "embedding"])
async def test_where_no_text_shows_more_of_the_explanation_every_trial_counts_half(judge: str) -> None:
    here = on(ColourSteer())
    scorer = here.scorer("intervention", here.judge(judge), {"mode": "ablate", "prompts": 29})

    found = await scorer.score(here.specimen.meaning, here.specimen.feature, here.specimen.score)

    assert found.metrics["tied"] == 1.0
    assert (found.value, found.interval) == (0.5, (0.5, 0.5))
    assert {group.accuracy for group in found.breakdown} == {0.5}


async def test_a_judge_that_only_says_yes_or_no_has_no_ties() -> None:
    class Yes:
        async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
            return [Answer(True)] * len(questions)

    here = on(ColourSteer())
    found = await here.scorer("intervention", Yes()).score("x", here.specimen.feature, here.specimen.score)

    assert found.metrics["tied"] == 0.0
    assert {group.tied for group in found.breakdown} == {0}


async def test_when_the_feature_is_taken_away_the_clean_text_is_the_one_with_more() -> None:
    class Inverted(ColourSteer):
        async def generate(
            self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
        ) -> Sequence[Steered]:
            shown = Change(7, Mode.ADD, 1.0) if change is None else None
            return await super().generate(prompts, shown, tokens=tokens, temperature=temperature, seed=seed)

    found = await score(on(Inverted()), {"mode": "ablate"})

    assert found.value == 1.0


async def test_both_texts_and_the_strength_are_kept_with_the_trial() -> None:
    found = await score(on(ColourSteer()))

    note = json.loads(found.trials[0].note)
    assert set(note) == {"strength", "clean", "changed"}
    assert note["strength"] == found.metrics["strength"]


def test_a_prompt_ends_with_the_first_token_on_which_the_feature_fires() -> None:
    window = Example(
        Split.SCORE, Group(Kind.TOP), 0, 0, 0, 4, (5, 6, 7, 8, 9), ("a", "b", "c", "d", "e"), (0.0, 0.0, 1.0, 0.0, 9.0)
    )

    assert prompt(window, longest=64) == (5, 6, 7)
    assert prompt(window, longest=2) == (6, 7)
