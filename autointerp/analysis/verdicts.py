"""Two sides compared question by question: the same passage of the same feature, another explanation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autointerp.domain.examples import Group
from autointerp.domain.scores import Trial

Question = tuple[Group, tuple[int, int], bool, str]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The yes-or-no questions that both sides were asked, by who answered them right.

    `unread` were asked of both and not read on one side or the other; `unmatched` were asked on one side only.
    """

    both_right: int = 0
    first_right: int = 0
    second_right: int = 0
    both_wrong: int = 0
    unread: int = 0
    unmatched: int = 0

    @property
    def read(self) -> int:
        """How many were answered readably on both sides."""
        return self.both_right + self.first_right + self.second_right + self.both_wrong

    @property
    def agreement(self) -> float | None:
        """The share of them with the same answer on both sides; None when there are none."""
        return (self.both_right + self.both_wrong) / self.read if self.read else None


def pair_verdicts(pairs: Iterable[tuple[Sequence[Trial], Sequence[Trial]]]) -> Verdicts:
    """Count over the trials of the two sides' scores of each feature.

    Questions are the same when they are about the same window, drawn for the same group, with the same truth and the
    same marks. What was no yes-or-no question (a predicted activation, say) is not counted.
    """
    counts = dict.fromkeys(Verdicts.__dataclass_fields__, 0)
    for first, second in pairs:
        a, b = _by_question(first), _by_question(second)
        counts["unmatched"] += len(a.keys() ^ b.keys())
        for question in a.keys() & b.keys():
            counts[_outcome(a[question], b[question])] += 1
    return Verdicts(**counts)


def _by_question(trials: Sequence[Trial]) -> dict[Question, Trial]:
    return {
        (trial.group, trial.window, trial.truth, trial.note): trial
        for trial in trials
        if trial.answer.verdict is not None or trial.answer.unread is not None
    }


def _outcome(first: Trial, second: Trial) -> str:
    if first.answer.verdict is None or second.answer.verdict is None:
        return "unread"
    match (first.answer.verdict == first.truth, second.answer.verdict == second.truth):
        case (True, True):
            return "both_right"
        case (True, False):
            return "first_right"
        case (False, True):
            return "second_right"
        case _:
            return "both_wrong"
