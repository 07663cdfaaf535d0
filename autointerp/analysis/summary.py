"""From trials to a score: the headline with its interval, what stands beside it, and how each group fared."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap
from autointerp.analysis.metrics import Confusion, auroc, f1, precision_at
from autointerp.domain.scores import GroupResult, Score, Trial

RESAMPLES = 2_000


class Metric(StrEnum):
    """The headline of a score."""

    BALANCED_ACCURACY = "balanced_accuracy"
    ACCURACY = "accuracy"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How trials become a score.

    `headline` says which trials the value and the metrics are computed from (the others stand in the breakdown only)
    and `label` names the row of the breakdown that a trial belongs to. `density` is the share of tokens on which the
    feature fires, for the prevalence-corrected precision; None where precision means nothing (a forced choice).
    """

    metric: Metric
    density: float | None
    headline: Callable[[Trial], bool]
    label: Callable[[Trial], str]
    resamples: int = RESAMPLES


def everything(trial: Trial) -> bool:
    """The headline of a score that uses all its trials."""
    del trial
    return True


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
    truths, verdicts = _answers(counted)
    confusion = Confusion.of(truths, verdicts)
    value = confusion.accuracy if recipe.metric is Metric.ACCURACY else confusion.balanced_accuracy
    return Score(
        value=value,
        undefined=None if value is not None else _why_undefined(counted, recipe.metric),
        metric=recipe.metric,
        interval=None if value is None else _interval(counted, recipe, rng),
        asked=len(trials),
        answered=sum(trial.answer.verdict is not None for trial in trials),
        unread=_unread(trials),
        metrics=_metrics(counted, confusion, recipe.density),
        breakdown=_breakdown(trials, recipe.label),
        trials=tuple(trials),
    )


def _answers(trials: Sequence[Trial]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    read = [(trial.truth, trial.answer.verdict) for trial in trials if trial.answer.verdict is not None]
    pairs = np.array(read, dtype=bool).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


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
    cells = _cells(trials)
    statistic = _accuracy if recipe.metric is Metric.ACCURACY else _balanced_accuracy
    return bootstrap.interval(cells, statistic, resamples=recipe.resamples, rng=rng)


def _cells(trials: Sequence[Trial]) -> NDArray[np.float64]:
    """Count, for each window, its right and wrong answers on positives and on negatives: (windows, 4)."""
    rows: dict[tuple[int, int], list[int]] = {}
    for trial in trials:
        if trial.answer.verdict is not None:
            cell = 2 * (not trial.truth) + (trial.answer.verdict != trial.truth)
            rows.setdefault(trial.window, [0, 0, 0, 0])[cell] += 1
    return np.array([rows[window] for window in sorted(rows)], dtype=np.float64).reshape(-1, 4)


def _balanced_accuracy(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    right, wrong = totals[:, 0::2], totals[:, 1::2]
    with np.errstate(invalid="ignore"):
        return np.mean(right / (right + wrong), axis=1)


def _accuracy(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return totals[:, 0::2].sum(axis=1) / totals.sum(axis=1)


def _metrics(trials: Sequence[Trial], confusion: Confusion, density: float | None) -> dict[str, float | None]:
    metrics = {
        "balanced_accuracy": confusion.balanced_accuracy,
        "accuracy": confusion.accuracy,
        "auroc": _auroc(trials),
        "tpr": confusion.tpr,
        "fpr": confusion.fpr,
    }
    if density is None:
        return metrics
    precision = precision_at(density, tpr=confusion.tpr, fpr=confusion.fpr)
    return {**metrics, "precision_at_density": precision, "f1_at_density": f1(precision, confusion.tpr)}


def _auroc(trials: Sequence[Trial]) -> float | None:
    """Over the answers that carry a confidence; None when they are of several kinds, which must not be pooled."""
    known = [trial for trial in trials if trial.answer.confidence is not None]
    if len({trial.answer.kind for trial in known}) != 1:
        return None
    truths = np.array([trial.truth for trial in known], dtype=bool)
    confidences = np.array([trial.answer.confidence for trial in known], dtype=np.float64)
    return auroc(truths, confidences)


def _breakdown(trials: Sequence[Trial], label: Callable[[Trial], str]) -> tuple[GroupResult, ...]:
    groups: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda trial: (trial.group.kind, _rank(trial), label(trial))):
        groups.setdefault(label(trial), []).append(trial)
    return tuple(_group(name, members) for name, members in groups.items())


def _rank(trial: Trial) -> int:
    return -1 if trial.group.index is None else trial.group.index


def _group(name: str, trials: Sequence[Trial]) -> GroupResult:
    answered = [trial for trial in trials if trial.answer.verdict is not None]
    confidences = [trial.answer.confidence for trial in answered if trial.answer.confidence is not None]
    return GroupResult(
        group=name,
        asked=len(trials),
        answered=len(answered),
        correct=sum(trial.answer.verdict == trial.truth for trial in answered),
        mean_confidence=float(np.mean(confidences)) if confidences else None,
    )
