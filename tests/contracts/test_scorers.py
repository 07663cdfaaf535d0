"""What every scorer keeps to, with every judge, found by their file names."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from autointerp import plugins
from autointerp.analysis.summary import Metric
from autointerp.domain.examples import Kind
from autointerp.domain.judging import Answer, Judge, Lineup, Pick, Picker, Question
from autointerp.domain.scores import Score
from autointerp.errors import InvalidSpec, OutOfBudget
from autointerp.testing.rehearsal import Bench, Coin, Mute, Scripted, bench

ALL = plugins.names("scorer")
JUDGES = [name for name in plugins.names("judge") if name != "fixed"]  # `fixed` answers without reading


def asks_a_judge(name: str) -> bool:
    try:
        plugins.configure("scorer", name, {}).build(bench(Scripted(), seed=3).tools)
    except InvalidSpec as error:
        return "judge" in error.detail
    return False


SCORERS = [name for name in ALL if asks_a_judge(name)]
OTHERS = [name for name in ALL if name not in SCORERS]
# These show the judge no explanation, so that a wrong one costs nothing.
OF_THE_FEATURE = ["intruder"]
OF_THE_EXPLANATION = [name for name in SCORERS if name not in OF_THE_FEATURE]
# To the stand-in for an embedding model other words are noise, and it is to find what the firing windows share.
TO_PICK = {"embedding": {"reach": 0}}


class Recorder:
    """A judge that says yes to everything, picks the first of any line-up, and keeps what it was asked."""

    def __init__(self) -> None:
        self.questions: list[Question | Lineup] = []

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        self.questions += questions
        return [Answer(True)] * len(questions)

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        self.questions += lineups
        return [Pick(0)] * len(lineups)


class HalfMute:
    """Leaves every other question unread, and answers the rest like another judge."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        read, unread = await self._judge.answer(questions), await Mute().answer(questions)
        return [u if i % 4 < 2 else r for i, (r, u) in enumerate(zip(read, unread, strict=True))]

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        assert isinstance(self._judge, Picker)
        read, unread = await self._judge.pick(lineups), await Mute().pick(lineups)
        return [u if i % 4 < 2 else r for i, (r, u) in enumerate(zip(read, unread, strict=True))]


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


async def score(on: Bench, name: str, judge: Judge, explanation: str | None = None) -> Score:
    scorer = on.scorer(name, judge)
    return await scorer.score(explanation or on.specimen.meaning, on.specimen.feature, on.specimen.score)


def chance_of(score: Score) -> float:
    """What guessing scores: a half, unless the score says otherwise."""
    return score.metrics.get("chance") or 0.5


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("name", OF_THE_EXPLANATION)
async def test_a_truthful_judge_outscores_a_coin_and_a_wrong_explanation(name: str, judge: str, on: Bench) -> None:
    true = await score(on, name, on.judge(judge))
    wrong = await score(on, name, on.judge(judge), on.specimen.wrong)
    chance = await score(on, name, Coin())

    assert true.value is not None
    assert wrong.value is not None
    assert chance.value is not None
    assert true.value > 0.9
    assert wrong.value < 0.6
    assert 0.3 < chance.value < 0.7


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("name", OF_THE_FEATURE)
async def test_a_truthful_judge_outscores_a_coin_on_a_true_feature(name: str, judge: str, on: Bench) -> None:
    picker = on.judge(judge, TO_PICK.get(judge))
    if not isinstance(picker, Picker):
        pytest.skip("this judge cannot pick the odd one out")

    true, chance = await score(on, name, picker), await score(on, name, Coin())

    assert true.interval is not None
    assert chance.interval is not None
    assert true.interval[0] > chance_of(true)
    assert chance.interval[0] < chance_of(chance) < chance.interval[1]


@pytest.mark.parametrize("name", SCORERS)
async def test_saying_yes_to_everything_scores_no_better_than_a_coin(name: str, on: Bench) -> None:
    found = await score(on, name, on.judge("fixed", {"answer": True}))

    assert found.value is not None
    if found.metric == Metric.F1:  # a coin has no fixed value there
        assert found.value <= 0.5
    else:
        assert found.value == pytest.approx(chance_of(found))


@pytest.mark.parametrize("name", SCORERS)
async def test_saying_no_to_everything_scores_no_better_than_a_coin(name: str, on: Bench) -> None:
    found = await score(on, name, on.judge("fixed", {"answer": False}))

    assert found.value is None or found.value <= 0.5 + 1e-9


@pytest.mark.parametrize("name", SCORERS)
async def test_the_interval_holds_the_value_and_narrows_with_certainty(name: str, on: Bench) -> None:
    chance = await score(on, name, Coin())

    assert chance.interval is not None
    assert chance.value is not None
    assert chance.interval[0] < chance.value < chance.interval[1]
    assert chance.interval[1] - chance.interval[0] > 0.1


@pytest.mark.parametrize("name", SCORERS)
async def test_the_order_of_the_examples_does_not_matter(name: str, on: Bench) -> None:
    turned = Bench(replace(on.specimen, score=on.specimen.score[::-1]), on.tools)

    assert await score(on, name, on.judge("llm")) == await score(turned, name, turned.judge("llm"))


@pytest.mark.parametrize("name", SCORERS)
async def test_the_same_seed_gives_the_same_score_and_another_seed_other_questions(name: str, on: Bench) -> None:
    again, other = bench(Scripted(), seed=3), bench(Scripted(), seed=4)
    first, second = Recorder(), Recorder()

    assert await score(on, name, first) == await score(again, name, Recorder())
    await score(other, name, second)
    assert first.questions != second.questions


@pytest.mark.parametrize("name", SCORERS)
async def test_every_explanation_of_a_feature_is_asked_the_same_questions(name: str, on: Bench) -> None:
    true, wrong = Recorder(), Recorder()
    found = await score(on, name, true)
    await score(on, name, wrong, on.specimen.wrong)
    if any(trial.group.kind is Kind.RETRIEVED for trial in found.trials):
        pytest.skip("this scorer asks about what the explanation finds")

    assert [replace(q, explanation="") for q in true.questions] == [replace(q, explanation="") for q in wrong.questions]
    assert true.questions


@pytest.mark.parametrize("name", SCORERS)
async def test_unread_replies_are_counted_and_not_judged(name: str, on: Bench) -> None:
    found = await score(on, name, HalfMute(on.judge("lexical")))

    assert found.asked == len(found.trials)
    assert found.answered + found.unread["refused"] == found.asked
    assert 0 < found.answered < found.asked
    assert found.value is not None
    assert found.value > (0.9 if name in OF_THE_EXPLANATION else chance_of(found))


@pytest.mark.parametrize("name", SCORERS)
async def test_a_judge_that_cannot_be_read_leaves_the_score_undefined(name: str, on: Bench) -> None:
    found = await score(on, name, Mute())

    assert found.value is None
    assert found.interval is None
    assert found.undefined is not None
    assert "refused" in found.undefined or "no answer" in found.undefined
    assert dict(found.unread) == {"refused": found.asked}


@pytest.mark.parametrize("name", SCORERS)
async def test_too_few_examples_leave_the_score_undefined_and_ask_nothing(name: str, on: Bench) -> None:
    few = Bench(replace(on.specimen, score=on.specimen.score[:2]), on.tools)
    judge = Recorder()

    found = await score(few, name, judge)

    assert found.value is None
    assert found.undefined is not None
    assert "needed" in found.undefined
    assert judge.questions == []


@pytest.mark.parametrize("name", SCORERS)
async def test_examples_of_another_split_are_a_mistake_of_the_caller(name: str, on: Bench) -> None:
    scorer = on.scorer(name, Coin())

    with pytest.raises(ValueError, match="explain"):
        await scorer.score(on.specimen.meaning, on.specimen.feature, on.specimen.explain)


@pytest.mark.parametrize("name", SCORERS)
async def test_no_request_is_made_after_the_budget_is_spent(name: str) -> None:
    llm = Scripted(budget=2)
    on = bench(llm, seed=3)

    with pytest.raises(OutOfBudget):
        await score(on, name, on.judge("llm"))

    assert len(llm.requests) == 2


@pytest.mark.parametrize("name", SCORERS)
async def test_the_trials_recompute_the_breakdown(name: str, on: Bench) -> None:
    found = await score(on, name, on.judge("lexical"))

    assert sum(group.asked for group in found.breakdown) == found.asked == len(found.trials)
    tied = [trial for trial in found.trials if name == "intervention" and trial.answer.confidence == 0]
    right = [trial for trial in found.trials if trial.answer.verdict == trial.truth and trial not in tied]
    assert sum(group.correct for group in found.breakdown) == len(right)
    assert sum(group.tied for group in found.breakdown) == len(tied)


@pytest.mark.parametrize("name", SCORERS)
def test_an_unknown_option_is_refused_by_name(name: str, on: Bench) -> None:
    with pytest.raises(InvalidSpec, match="no_such_option"):
        on.scorer(name, Coin(), {"no_such_option": 1})


@pytest.mark.parametrize("name", SCORERS)
def test_a_scorer_without_a_judge_says_so_when_it_is_built(name: str, on: Bench) -> None:
    with pytest.raises(InvalidSpec, match="judge"):
        plugins.configure("scorer", name, {}).build(on.tools)


async def unjudged(on: Bench, name: str, explanation: str | None = None) -> Score:
    scorer = plugins.configure("scorer", name, {}).build(on.tools)
    return await scorer.score(explanation or on.specimen.meaning, on.specimen.feature, on.specimen.score)


@pytest.mark.parametrize("name", OTHERS)
async def test_without_a_judge_a_true_explanation_outscores_a_wrong_one(name: str, on: Bench) -> None:
    true, wrong = await unjudged(on, name), await unjudged(on, name, on.specimen.wrong)

    assert true.value is not None
    assert true.interval is not None
    assert true.interval[0] <= true.value <= true.interval[1]
    assert wrong.value is None or wrong.value < true.value - 0.3
    assert true.asked == len(true.trials) == true.answered > 0
    assert dict(true.unread) == {}


@pytest.mark.parametrize("name", OTHERS)
async def test_without_a_judge_neither_order_nor_run_changes_the_score(name: str, on: Bench) -> None:
    turned = Bench(replace(on.specimen, score=on.specimen.score[::-1]), bench(Scripted(), seed=3).tools)

    assert await unjudged(on, name) == await unjudged(turned, name)


@pytest.mark.parametrize("name", OTHERS)
async def test_without_a_judge_too_few_examples_leave_the_score_undefined_and_ask_nothing(name: str) -> None:
    llm = Scripted()
    on = bench(llm, seed=3)

    found = await unjudged(Bench(replace(on.specimen, score=on.specimen.score[:2]), on.tools), name)

    assert found.value is None
    assert found.undefined is not None
    assert "needed" in found.undefined
    assert llm.requests == []


@pytest.mark.parametrize("name", OTHERS)
async def test_without_a_judge_examples_of_another_split_are_a_mistake_of_the_caller(name: str, on: Bench) -> None:
    leaky = Bench(replace(on.specimen, score=on.specimen.explain), on.tools)

    with pytest.raises(ValueError, match="explain"):
        await unjudged(leaky, name)


@pytest.mark.parametrize("name", OTHERS)
async def test_without_a_judge_unread_replies_are_counted_and_leave_the_score_undefined(name: str) -> None:
    llm = Scripted(lambda request: "I would rather not.")
    found = await unjudged(bench(llm, seed=3), name)
    if not llm.requests:
        pytest.skip("this scorer asks no language model")

    assert found.value is None
    assert found.answered == 0
    assert sum(found.unread.values()) == found.asked == len(found.trials) > 0


@pytest.mark.parametrize("name", OTHERS)
async def test_without_a_judge_no_request_is_made_after_the_budget_is_spent(name: str) -> None:
    used, poor = Scripted(), Scripted(budget=0)
    await unjudged(bench(used, seed=3), name)
    if not used.requests:
        pytest.skip("this scorer asks no language model")

    with pytest.raises(OutOfBudget):
        await unjudged(bench(poor, seed=3), name)

    assert poor.requests == []


@pytest.mark.parametrize("name", OTHERS)
def test_without_a_judge_an_unknown_option_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidSpec, match="no_such_option"):
        plugins.configure("scorer", name, {"no_such_option": 1})
