"""From predicted activations to a score: what was predicted for each window, as trials, and how each group fared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autointerp.analysis.correlation import Correlation, Row
from autointerp.domain.examples import Group
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer
from autointerp.domain.scores import GroupResult, Score, Trial
from autointerp.hashing import canonical_json

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Guess:
    """The predicted activation of each token of one text; `values` None: unread, for the reason `unread`."""

    values: tuple[float, ...] | None
    unread: UnreadKind | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A guess beside the truth, (tokens,) each. `part` says what the window is used for; `weight` that of its tokens.

    `most` is the end of the scale of the guess, which begins at 0.
    """

    group: Group
    window: tuple[int, int]
    part: str
    true: tuple[float, ...]
    guess: Guess
    most: int
    weight: float = 1.0

    @property
    def trial(self) -> Trial:
        """The window as a trial without a verdict; the note has all that the correlations are computed from."""
        answer = Answer(None, unread=self.guess.unread, request=self.guess.request)
        note = {"part": self.part, "predicted": self.guess.values, "true": self.true, "weight": self.weight}
        return Trial(self.group, self.window, truth=self._fires, answer=answer, note=canonical_json(note))

    @property
    def right(self) -> bool:
        """Whether the strongest prediction lies on a token that fires, or no token of a silent window is predicted to.

        That is, no prediction there reaches half of the scale.
        """
        values = self.guess.values
        if values is None:
            return False
        if not self._fires:
            return max(values) < HALF * self.most
        return max(values) > 0 and self.true[values.index(max(values))] > 0

    @property
    def _fires(self) -> bool:
        return max(self.true) > 0


def rows(predictions: Sequence[Prediction]) -> list[Row]:
    """The predictions that were read, as sequences to correlate."""
    return [Row(p.true, p.guess.values, p.weight) for p in predictions if p.guess.values is not None]


def score(
    predictions: Sequence[Prediction],
    headline: Correlation,
    *,
    metric: str,
    metrics: Mapping[str, float | None],
    beside: Sequence[Trial] = (),
    beside_groups: Sequence[GroupResult] = (),
) -> Score:
    """The score whose value is `headline`; the trials `beside` are other questions, which it does not depend on."""
    trials = (*(prediction.trial for prediction in predictions), *beside)
    answered = sum(p.guess.values is not None for p in predictions) + sum(t.answer.verdict is not None for t in beside)
    unread = Counter(str(trial.answer.unread) for trial in trials if trial.answer.unread is not None)
    return Score(
        value=headline.value,
        undefined=_why_undefined(headline, predictions),
        metric=metric,
        interval=headline.interval,
        asked=len(trials),
        answered=answered,
        unread=dict(sorted(unread.items())),
        metrics=metrics,
        breakdown=(*_breakdown(predictions), *beside_groups),
        trials=trials,
    )


def with_interval(name: str, correlation: Correlation) -> dict[str, float | None]:
    """A correlation as a metric that stands beside the headline, with the ends of its interval."""
    low, high = correlation.interval or (None, None)
    return {name: correlation.value, f"{name}_low": low, f"{name}_high": high}


def _why_undefined(headline: Correlation, predictions: Sequence[Prediction]) -> str | None:
    kinds = Counter(str(p.guess.unread) for p in predictions if p.guess.values is None)
    if headline.undefined is None or not kinds:
        return headline.undefined
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"{headline.undefined}; {sum(kinds.values())} of {len(predictions)} could not be read ({told})"


def _breakdown(predictions: Sequence[Prediction]) -> tuple[GroupResult, ...]:
    groups: dict[str, list[Prediction]] = {}
    for prediction in sorted(predictions, key=lambda p: (p.group.kind, -1 if p.group.index is None else p.group.index)):
        groups.setdefault(str(prediction.group), []).append(prediction)
    return tuple(
        GroupResult(
            group=name,
            asked=len(members),
            answered=sum(p.guess.values is not None for p in members),
            correct=sum(p.right for p in members),
            mean_confidence=None,
        )
        for name, members in groups.items()
    )
