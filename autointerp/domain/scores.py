"""Trials and the scores computed from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autointerp.domain.examples import Group
from autointerp.domain.judging import Answer

# The `control` of scores that came with an import: others made them, on texts that nobody here kept apart from what the
# explainer saw. They are scores proper nowhere.
IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Trial:
    """One question put to a judge, with the truth and the answer.

    `window` is the (context, start) of the example asked about; trials of one window are resampled together. A question
    about a token of the vocabulary has (-1, its id). `note` holds what the scorer did to the text (which tokens were
    marked, the steering strength) or what was predicted of it, for the audit.
    """

    group: Group
    window: tuple[int, int]
    truth: bool
    answer: Answer
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupResult:
    """How one group of examples fared: counts, the share of right answers and the mean confidence.

    `tied` answers, in which neither of two texts won, are not among the `correct` and count half.
    """

    group: str
    asked: int
    answered: int
    correct: int
    mean_confidence: float | None
    tied: int = 0

    @property
    def accuracy(self) -> float | None:
        """The share of right answers among those read, ties counting half; None when none was read."""
        return (self.correct + self.tied / 2) / self.answered if self.answered else None


@dataclass(frozen=True, slots=True)
class Score:
    """A value computed from trials. `value` None: undefined, for the reason `undefined`.

    `interval` is the 95 % bootstrap confidence interval of `value`, resampling windows. `metrics` holds the numbers
    beside the headline (balanced_accuracy, auroc, tpr, fpr, precision_at_density, f1_at_density, …); None = undefined.
    """

    value: float | None
    undefined: str | None
    metric: str
    interval: tuple[float, float] | None
    asked: int
    answered: int
    unread: Mapping[str, int]
    metrics: Mapping[str, float | None]
    breakdown: tuple[GroupResult, ...]
    trials: tuple[Trial, ...] = field(repr=False)
    prompt: str | None = None

    @property
    def unheard(self) -> bool:
        """Whether questions were asked and no answer could be read; a resumed run asks for other answers."""
        return self.value is None and bool(self.unread) and not self.answered
