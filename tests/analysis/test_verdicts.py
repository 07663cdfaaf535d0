"""Questions are paired by what was asked, and counted by who was right."""

from dataclasses import replace

import pytest

from autointerp.analysis.verdicts import Verdicts, pair_verdicts
from autointerp.domain.examples import Group, Kind
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer
from autointerp.domain.scores import Trial

ASKED = Trial(Group(Kind.TOP), (7, 0), True, Answer(True), note="marked 3")
RIGHT, WRONG, UNREAD = Answer(True), Answer(False), Answer(None, unread=UnreadKind.REFUSED)


@pytest.mark.parametrize(
    ("first", "second", "counted"),
    [
        (RIGHT, RIGHT, "both_right"),
        (RIGHT, WRONG, "first_right"),
        (WRONG, RIGHT, "second_right"),
        (WRONG, WRONG, "both_wrong"),
        (UNREAD, RIGHT, "unread"),
        (RIGHT, UNREAD, "unread"),
        (UNREAD, UNREAD, "unread"),
    ],
)
def test_a_question_is_counted_once(first: Answer, second: Answer, counted: str) -> None:
    found = pair_verdicts([([replace(ASKED, answer=first)], [replace(ASKED, answer=second)])])

    assert found == replace(Verdicts(), **{counted: 1})


@pytest.mark.parametrize(
    "change", [{"window": (8, 0)}, {"truth": False}, {"note": "marked 4"}, {"group": Group(Kind.QUANTILE, 1)}], ids=str
)
def test_another_question_is_no_pair(change: dict[str, object]) -> None:
    assert pair_verdicts([([ASKED], [replace(ASKED, **change)])]) == Verdicts(unmatched=2)


def test_the_order_of_the_questions_does_not_matter() -> None:
    trials = [replace(ASKED, window=(i, 0), answer=Answer(i % 3 == 0)) for i in range(9)]

    found = pair_verdicts([(trials, trials[::-1])])

    assert (found.both_right, found.both_wrong, found.agreement) == (3, 6, 1.0)


def test_what_is_no_question_of_yes_or_no_is_not_counted() -> None:
    predicted = replace(ASKED, answer=Answer(None), note='{"predicted":3}')

    assert pair_verdicts([([predicted], [predicted])]) == Verdicts()
    assert Verdicts().agreement is None


def test_agreement_is_the_share_of_same_answers() -> None:
    assert Verdicts(both_right=6, first_right=1, second_right=1, both_wrong=2, unread=5).agreement == 0.8
