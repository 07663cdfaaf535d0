"""From trials to a score: the headline with its interval, what stands beside it, and how each group fared."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap
from autointerp.analysis.metrics import Confusion, auroc, f1, precision_at
from autointerp.domain.judging import Confidence
from autointerp.domain.scores import GroupResult, Score, Trial

RESAMPLES = 2_000
# Confidences that are a difference, the first two against a rival only.
DIFFERENCES = (Confidence.SIMILARITY, Confidence.OVERLAP, Confidence.GAIN)


class Metric(StrEnum):
    """The headline of a score."""

    BALANCED_ACCURACY = "balanced_accuracy"
    ACCURACY = "accuracy"
    AUROC = "auroc"
    F1 = "f1"
    PEARSON = "pearson"
    SPEARMAN = "spearman"
    SPECIFICITY = "specificity"
    GAIN = "log_probability_gain"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How trials become a score.

    `headline` says which trials the value and the metrics are computed from (the others stand in the breakdown only)
    and `label` names the row of the breakdown that a trial belongs to. `density` is the share of tokens on which the
    feature fires, for the prevalence-corrected precision; None where the questions are not about tokens. `tied` says
    which answers of a forced choice are neither right nor wrong, and so count half; None where there is no such answer.
    """

    metric: Metric
    density: float | None
    headline: Callable[[Trial], bool]
    label: Callable[[Trial], str]
    resamples: int = RESAMPLES
    tied: Callable[[Trial], bool] | None = None


def everything(trial: Trial) -> bool:
    """The headline of a score that uses all its trials."""
    del trial
    return True


def even(trial: Trial) -> bool:
    """Whether no difference was found between the two texts of a forced choice, or two log-probabilities, so that the
    verdict is chance."""
    return trial.answer.confidence == 0 and trial.answer.kind in DIFFERENCES


def by_group(trial: Trial) -> str:
    """Name a trial by its group, apart from those whose truth is not what the group says (wrong marks)."""
    return str(trial.group) if trial.truth != trial.group.kind.silent else f"{trial.group}, wrong marks"


def undefined(metric: Metric, reason: str, *, metrics: dict[str, float | None] | None = None) -> Score:
    """A score that could not be measured, for `reason`, with no trials."""
    return Score(
        value=None,
        undefined=reason,
        metric=metric,
        interval=None,
        asked=0,
        answered=0,
        unread={},
        metrics=metrics or {},
        breakdown=(),
        trials=(),
    )


def summarise(trials: Sequence[Trial], recipe: Recipe, *, rng: np.random.Generator) -> Score:
    """Compute the score of `trials`; `rng` draws the resamples. Unread answers count in nothing but `unread`."""
    counted = [trial for trial in trials if recipe.headline(trial)]
    confusion = Confusion.of(*_answers(counted, recipe))
    value = confusion.accuracy if recipe.metric is Metric.ACCURACY else confusion.balanced_accuracy
    return Score(
        value=value,
        undefined=None if value is not None else _why_undefined(counted, recipe.metric),
        metric=recipe.metric,
        interval=None if value is None else _interval(counted, recipe, rng),
        asked=len(trials),
        answered=sum(trial.answer.verdict is not None for trial in trials),
        unread=_unread(trials),
        metrics=_metrics(counted, confusion, recipe),
        breakdown=_breakdown(trials, recipe),
        trials=tuple(trials),
    )


def _answers(trials: Sequence[Trial], recipe: Recipe) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    read = [(trial.truth, _yes(trial, recipe)) for trial in trials if trial.answer.verdict is not None]
    pairs = np.array(read, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0] == 1, pairs[:, 1]


def _yes(trial: Trial, recipe: Recipe) -> float:
    """How far a read answer is a yes: 1, 0, or a half in a tie."""
    return 0.5 if _is_tied(trial, recipe) else float(trial.answer.verdict is True)


def _is_tied(trial: Trial, recipe: Recipe) -> bool:
    return recipe.tied is not None and trial.answer.verdict is not None and recipe.tied(trial)


def _why_undefined(trials: Sequence[Trial], metric: Metric) -> str:
    for truth, name in ((True, "positive"), (False, "negative")):
        asked = [trial for trial in trials if trial.truth == truth]
        if metric is Metric.BALANCED_ACCURACY and not any(trial.answer.verdict is not None for trial in asked):
            counts = ", ".join(f"{count} {kind}" for kind, count in _unread(asked).items()) or "none asked"
            return f"no answer on any of {len(asked)} {name} examples ({counts})"
    return f"no answer to any of {len(trials)} questions"


def _unread(trials: Sequence[Trial]) -> dict[str, int]:
    kinds = Counter(str(trial.answer.unread or "failed") for trial in trials if trial.answer.verdict is None)
    return dict(sorted(kinds.items()))


def _interval(trials: Sequence[Trial], recipe: Recipe, rng: np.random.Generator) -> tuple[float, float] | None:
    cells = _cells(trials, recipe)
    statistic = _accuracy if recipe.metric is Metric.ACCURACY else _balanced_accuracy
    return bootstrap.interval(cells, statistic, resamples=recipe.resamples, rng=rng)


def _cells(trials: Sequence[Trial], recipe: Recipe) -> NDArray[np.float64]:
    """Count, for each window, its right and wrong answers on positives and on negatives: (windows, 4)."""
    rows: dict[tuple[int, int], list[float]] = {}
    for trial in trials:
        if trial.answer.verdict is not None:
            right = 1 - abs(trial.truth - _yes(trial, recipe))
            row, cell = rows.setdefault(trial.window, [0.0] * 4), 2 * (not trial.truth)
            row[cell] += right
            row[cell + 1] += 1 - right
    return np.array([rows[window] for window in sorted(rows)], dtype=np.float64).reshape(-1, 4)


def _balanced_accuracy(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    right, wrong = totals[:, 0::2], totals[:, 1::2]
    with np.errstate(invalid="ignore"):
        return np.mean(right / (right + wrong), axis=1)


def _accuracy(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return totals[:, 0::2].sum(axis=1) / totals.sum(axis=1)


def _metrics(trials: Sequence[Trial], confusion: Confusion, recipe: Recipe) -> dict[str, float | None]:
    metrics = {
        "balanced_accuracy": confusion.balanced_accuracy,
        "accuracy": confusion.accuracy,
        "auroc": _auroc(trials),
        "tpr": confusion.tpr,
        "fpr": confusion.fpr,
    }
    if recipe.tied is not None:
        ties = [_is_tied(trial, recipe) for trial in trials if trial.answer.verdict is not None]
        metrics["tied"] = sum(ties) / len(ties) if ties else None
    if recipe.density is None:
        return metrics
    precision = precision_at(recipe.density, tpr=confusion.tpr, fpr=confusion.fpr)
    return {**metrics, "precision_at_density": precision, "f1_at_density": f1(precision, confusion.tpr)}


def _auroc(trials: Sequence[Trial]) -> float | None:
    """Over the answers that carry a confidence; None when they are of several kinds, which must not be pooled."""
    confidences = _confidences(trials)
    if not confidences:
        return None
    truths = [trial.truth for trial in trials if trial.answer.confidence is not None]
    return auroc(np.array(truths, dtype=bool), np.array(confidences, dtype=np.float64))


def _confidences(trials: Sequence[Trial]) -> list[float]:
    """The confidences in order, none when they are of several kinds: a probability and a similarity do not compare."""
    known = [trial.answer for trial in trials if trial.answer.confidence is not None]
    if len({answer.kind for answer in known}) > 1:
        return []
    return [answer.confidence for answer in known if answer.confidence is not None]


def _breakdown(trials: Sequence[Trial], recipe: Recipe) -> tuple[GroupResult, ...]:
    groups: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda trial: (trial.group.kind, _rank(trial), recipe.label(trial))):
        groups.setdefault(recipe.label(trial), []).append(trial)
    return tuple(_group(name, members, recipe) for name, members in groups.items())


def _rank(trial: Trial) -> int:
    return -1 if trial.group.index is None else trial.group.index


def _group(name: str, trials: Sequence[Trial], recipe: Recipe) -> GroupResult:
    answered = [trial for trial in trials if trial.answer.verdict is not None]
    ties = [_is_tied(trial, recipe) for trial in answered]
    confidences = _confidences(answered)
    return GroupResult(
        group=name,
        asked=len(trials),
        answered=len(answered),
        correct=sum(t.answer.verdict == t.truth and not tie for t, tie in zip(answered, ties, strict=True)),
        mean_confidence=float(np.mean(confidences)) if confidences else None,
        tied=sum(ties),
    )
