"""A score says what it was computed from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.analysis.summary import Metric, Recipe, by_group, even, everything, summarise
from autointerp.domain.examples import Group, Kind
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for

RECIPE = Recipe(Metric.BALANCED_ACCURACY, 0.01, everything, by_group, resamples=200)
TOP, RANDOM = Group(Kind.TOP), Group(Kind.RANDOM)


def trial(n: int, truth: bool, verdict: bool | None, confidence: float | None = None) -> Trial:
    unread = UnreadKind.TRUNCATED if verdict is None else None
    kind = Confidence.LOGPROB if confidence is not None else None
    return Trial(TOP if truth else RANDOM, (n, 0), truth, Answer(verdict, confidence, kind, unread))


def score(trials: list[Trial], recipe: Recipe = RECIPE) -> Score:
    return summarise(trials, recipe, rng=rng_for(0, "test"))


def test_the_headline_and_the_rates_beside_it() -> None:
    found = score([trial(0, True, True), trial(1, True, False), trial(2, False, False), trial(3, False, False)])

    assert found.value == pytest.approx(0.75)
    assert found.metric == "balanced_accuracy"
    assert found.metrics["tpr"] == 0.5
    assert found.metrics["fpr"] == 0.0
    assert found.metrics["precision_at_density"] == 1.0
    assert found.metrics["f1_at_density"] == pytest.approx(2 / 3)


def test_unread_answers_are_counted_by_kind_and_change_nothing_else() -> None:
    read = [trial(0, True, True), trial(1, False, True)]
    unread = [trial(2, True, None), trial(3, False, None)]

    found = score(read + unread)

    assert (found.asked, found.answered, dict(found.unread)) == (4, 2, {"truncated": 2})
    assert (found.value, found.metrics) == (score(read).value, score(read).metrics)
    assert [(g.group, g.asked, g.answered, g.correct) for g in found.breakdown] == [
        ("random", 2, 1, 0),
        ("top", 2, 1, 1),
    ]


def test_without_an_answered_negative_the_score_is_undefined_and_says_why() -> None:
    found = score([trial(0, True, True), trial(1, False, None)])

    assert found.value is None
    assert found.interval is None
    assert found.undefined == "no answer on any of 1 negative examples (1 truncated)"


def test_auroc_needs_confidences_of_one_kind() -> None:
    sure = [trial(0, True, True, 0.9), trial(1, False, False, 0.2)]
    other = replace(sure[0], answer=replace(sure[0].answer, kind=Confidence.DECISION))

    assert score(sure).metrics["auroc"] == 1.0
    assert score([other, sure[1]]).metrics["auroc"] is None
    assert score([trial(0, True, True), trial(1, False, False)]).metrics["auroc"] is None


def test_a_mean_confidence_is_of_one_kind() -> None:
    one, two = trial(0, True, True, 0.9), trial(1, True, True, 0.5)
    decided = replace(two, answer=replace(two.answer, kind=Confidence.DECISION))

    assert [group.mean_confidence for group in score([one, two]).breakdown] == [pytest.approx(0.7)]
    assert [group.mean_confidence for group in score([one, decided]).breakdown] == [None]


def test_trials_outside_the_headline_stand_in_the_breakdown_only() -> None:
    extra = Trial(Group(Kind.SAME_TOKEN), (9, 0), False, Answer(True))
    recipe = replace(RECIPE, headline=lambda t: t.group.kind is not Kind.SAME_TOKEN)

    found = score([trial(0, True, True), trial(1, False, False), extra], recipe)

    assert found.value == 1.0
    assert found.asked == 3
    assert ("same_token", 1, 0) in [(g.group, g.asked, g.correct) for g in found.breakdown]


def test_wrongly_marked_firing_windows_have_a_row_of_their_own() -> None:
    found = score([trial(0, True, True), Trial(TOP, (0, 0), False, Answer(False))])

    assert [group.group for group in found.breakdown] == ["top", "top, wrong marks"]


FORCED = Recipe(Metric.ACCURACY, None, everything, lambda trial: str(trial.group), resamples=200, tied=even)


def choice(n: int, truth: bool, difference: float) -> Trial:
    return Trial(TOP, (n, 0), truth, Answer(difference > 0, difference, Confidence.OVERLAP))


def test_a_tie_is_half_right() -> None:
    found = score([choice(0, True, 0.5), choice(1, False, 0.5), choice(2, True, 0.0), choice(3, True, 0.0)], FORCED)

    assert found.value == found.metrics["accuracy"] == 0.5
    assert found.metrics["tied"] == 0.5
    (group,) = found.breakdown
    assert (group.answered, group.correct, group.tied, group.accuracy) == (4, 1, 2, 0.5)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_ties_alone_are_exactly_chance_whatever_the_truths(truths: list[bool]) -> None:
    found = score([choice(n, truth, 0.0) for n, truth in enumerate(truths)], FORCED)

    assert (found.value, found.interval, found.metrics["tied"]) == (0.5, (0.5, 0.5), 1.0)


@pytest.mark.parametrize("kind", [Confidence.LOGPROB, None])
def test_an_answer_that_is_no_difference_of_two_texts_is_never_a_tie(kind: Confidence | None) -> None:
    answer = Answer(False, None if kind is None else 0.0, kind)

    found = score([Trial(TOP, (0, 0), False, answer)], FORCED)

    assert (found.value, found.metrics["tied"]) == (1.0, 0.0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([True, False, None])), max_size=30), st.randoms())
def test_the_order_of_the_trials_changes_no_number(pairs: list[tuple[bool, bool | None]], random: object) -> None:
    trials = [trial(n, truth, verdict) for n, (truth, verdict) in enumerate(pairs)]
    mixed = list(trials)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert replace(score(trials), trials=()) == replace(score(mixed), trials=())
