"""Detection asks about firing and silent windows, each once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from autointerp.domain.examples import Group, Kind
from autointerp.domain.judging import Answer, Passage, Question
from autointerp.domain.scores import Score
from autointerp.testing.rehearsal import Bench, Scripted, bench


class Oracle:
    """Knows which texts fire, and errs on a share of them or of the others."""

    def __init__(self, on: Bench, *, misses: int, too_broad: int) -> None:
        firing = sorted(e.text for e in on.specimen.score if not e.silent)
        silent = sorted(e.text for e in on.specimen.score if e.group.kind is Kind.RANDOM)
        self._holds = set(firing[misses:]) | set(silent[:too_broad])

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        return [Answer(question.passage.text in self._holds) for question in questions]


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


async def score(on: Bench, judge: Oracle, options: dict[str, int] | None = None) -> Score:
    return await on.scorer("detection", judge, options).score("x", on.specimen.feature, on.specimen.score)


async def test_by_default_fifty_firing_windows_over_ten_quantiles_meet_fifty_silent_ones(on: Bench) -> None:
    found = await score(on, Oracle(on, misses=0, too_broad=0))

    groups = Counter(trial.group for trial in found.trials)
    assert groups == {
        **{Group(Kind.QUANTILE, k): 5 for k in range(10)},
        Group(Kind.RANDOM): 50,
        Group(Kind.SAME_TOKEN): 10,
    }
    assert len({trial.window for trial in found.trials}) == 110


async def test_missing_half_of_the_firing_windows_costs_a_quarter(on: Bench) -> None:
    found = await score(on, Oracle(on, misses=25, too_broad=0))

    assert found.value == pytest.approx(0.75)
    assert found.metrics["tpr"] == pytest.approx(0.5)


async def test_an_explanation_too_broad_shows_in_the_false_positive_rate(on: Bench) -> None:
    found = await score(on, Oracle(on, misses=0, too_broad=1))

    assert found.value == pytest.approx(0.99)
    assert found.metrics["fpr"] == pytest.approx(0.02)


async def test_precision_is_that_at_the_share_of_windows_in_which_the_feature_fires(on: Bench) -> None:
    found = await score(on, Oracle(on, misses=0, too_broad=1))

    firing = [e for e in on.specimen.score if not e.silent]
    tokens = sum(a > 0 for e in firing for a in e.activations) / len(firing)
    share = on.specimen.feature.statistics.density * len(firing[0].pieces) / tokens
    assert found.metrics["prevalence"] == pytest.approx(share)
    precision = share / (share + 0.02 * (1 - share))
    assert found.metrics["precision_at_density"] == pytest.approx(precision)
    assert found.metrics["f1_at_density"] == pytest.approx(2 * precision / (1 + precision))


async def test_windows_that_only_share_a_token_are_reported_and_stay_out_of_the_headline(on: Bench) -> None:
    found = await on.scorer("detection", on.judge("llm")).score(
        on.specimen.meaning, on.specimen.feature, on.specimen.score
    )

    assert found.value == 1.0
    assert found.metrics["same_token_fpr"] == 1.0
    assert ("same_token", 10, 0) in [(g.group, g.asked, g.correct) for g in found.breakdown]


@pytest.mark.parametrize("judge", ["embedding", "lexical"])
async def test_windows_that_only_share_a_token_change_no_answer_on_the_others(on: Bench, judge: str) -> None:
    # Taken for firing, these windows would move the cut between the others.
    loud = [replace(e, pieces=(" red",) * len(e.pieces)) for e in on.specimen.score if e.group.kind is Kind.SAME_TOKEN]
    rest = [example for example in on.specimen.score if example.group.kind is not Kind.SAME_TOKEN]
    here = Bench(replace(on.specimen, score=(*rest, *loud)), on.tools)

    scores = [
        await here.scorer("detection", here.judge(judge), {"same_token": count}).score(
            'Words like "red", "horse" or "the".', here.specimen.feature, here.specimen.score
        )
        for count in (0, 20)
    ]

    assert len(scores[1].trials) == len(scores[0].trials) + 20
    assert scores[1].trials[:100] == scores[0].trials
    assert (scores[1].value, scores[1].interval) == (scores[0].value, scores[0].interval)


@pytest.mark.parametrize("judge", ["embedding", "lexical"])
async def test_windows_that_only_share_a_token_are_judged_on_the_scale_of_the_others(on: Bench, judge: str) -> None:
    examples = {example.window: example for example in on.specimen.score}

    found = await on.scorer("detection", on.judge(judge)).score(
        on.specimen.meaning, on.specimen.feature, on.specimen.score
    )

    passages = [Passage(examples[trial.window].pieces) for trial in found.trials]
    together = await on.judge(judge).answer([Question("detection", on.specimen.meaning, p) for p in passages])
    assert [trial.answer for trial in found.trials[100:]] == together[100:]


async def test_a_language_model_is_asked_each_question_once(on: Bench) -> None:
    llm = Scripted()
    here = bench(llm, seed=3)

    await here.scorer("detection", here.judge("llm")).score(
        here.specimen.meaning, here.specimen.feature, here.specimen.score
    )

    assert len(llm.requests) == (100 + 10) / 10


async def test_a_window_of_a_quantile_and_an_interval_is_asked_about_once(on: Bench) -> None:
    both = [replace(e, group=Group(Kind.INTERVAL, 0)) for e in on.specimen.score if e.group == Group(Kind.QUANTILE, 0)]
    wider = Bench(replace(on.specimen, score=(*on.specimen.score, *both)), on.tools)

    found = await score(wider, Oracle(on, misses=0, too_broad=0), {"interval": 5})

    assert len(found.trials) == 110


@pytest.mark.parametrize("kind", [Kind.NEIGHBOUR, Kind.SIMILAR_TEXT])
@pytest.mark.parametrize("judge", ["llm", "embedding", "lexical"])
async def test_hard_windows_are_asked_about_when_wanted_and_change_nothing_else(
    on: Bench, judge: str, kind: Kind
) -> None:
    hard = [
        replace(e, group=Group(kind), context=e.context + 10**6)
        for e in on.specimen.score
        if e.group.kind is Kind.SAME_TOKEN
    ]
    here = Bench(replace(on.specimen, score=(*on.specimen.score, *hard)), on.tools)

    plain, asked = [
        await here.scorer("detection", here.judge(judge), {kind.value: count}).score(
            here.specimen.meaning, here.specimen.feature, here.specimen.score
        )
        for count in (0, 7)
    ]

    answered = [trial.answer.verdict for trial in asked.trials if trial.group.kind is kind]
    assert len(answered) == 7
    assert asked.metrics[f"{kind}_fpr"] == pytest.approx(sum(map(bool, answered)) / 7)
    assert f"{kind}_fpr" not in plain.metrics
    assert asked.trials[:110] == plain.trials
    assert (asked.value, asked.metrics["same_token_fpr"]) == (plain.value, plain.metrics["same_token_fpr"])
