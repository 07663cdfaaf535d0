"""From ratings of windows, 0 to 3, to how specific an explanation is over the range of the feature's activations.

The value is the mean over equal intervals of (0, max] of the mean rating in each. Every interval with a rated window
weighs the same, so that the value says how well the explanation fits at any strength; weighted by how often the feature
fires it would say little of the strong firings, which are rare. Silent windows stand beside it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap
from autointerp.analysis.correlation import rank_correlation
from autointerp.analysis.summary import RESAMPLES, Metric, Recipe, by_group, everything, summarise
from autointerp.domain.scores import Score, Trial

Values = NDArray[np.float64]

LEVELS = (0, 1, 2, 3)
CLEAN = LEVELS[-1]  # the explanation identifies the text


@dataclass(frozen=True, slots=True)
class Rating:
    """A window as a trial, with its strongest activation and its rating; None: the reply could not be read.

    The trial's group is the interval of the activation, or the kind of the silent window; its verdict is whether the
    rating is the highest.
    """

    trial: Trial
    activation: float
    level: int | None


def specificity(ratings: Sequence[Rating], *, rng: np.random.Generator) -> Score:
    """Compute the score of the ratings; `rng` draws the resamples of windows. What is unread counts in nothing."""
    recipe = Recipe(Metric.SPECIFICITY, None, everything, by_group, resamples=1)
    base = summarise([rating.trial for rating in ratings], recipe, rng=rng)
    firing = [rating for rating in ratings if rating.trial.truth]
    sums = _sums(firing)
    value = float(_mean_of_means(sums.sum(axis=0, keepdims=True))[0]) if len(sums) else None
    return replace(
        base,
        value=value,
        undefined=_why_undefined(firing) if value is None else None,
        interval=bootstrap.interval(sums, _mean_of_means, resamples=RESAMPLES, rng=rng) if len(sums) else None,
        metrics=_metrics(firing, [rating for rating in ratings if not rating.trial.truth]),
    )


def _sums(firing: Sequence[Rating]) -> Values:
    """The rating of each window that was read and a one, in the columns of its interval: (windows, 2 * intervals)."""
    intervals = sorted({rating.trial.group for rating in firing})
    read = [(rating, rating.level) for rating in firing if rating.level is not None]
    sums = np.zeros((len(read), 2 * len(intervals)))
    for row, (rating, level) in zip(sums, read, strict=True):
        at = 2 * intervals.index(rating.trial.group)
        row[at : at + 2] = level, 1
    return sums


def _mean_of_means(totals: Values) -> Values:
    """The mean of the intervals' mean ratings, over those that have any: totals (r, 2 * intervals) to (r,)."""
    sums, counts = totals[:, 0::2], totals[:, 1::2]
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    return means.sum(axis=1) / np.count_nonzero(counts, axis=1)


def _why_undefined(firing: Sequence[Rating]) -> str:
    kinds = Counter(str(rating.trial.answer.unread) for rating in firing)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"no answer on any of {len(firing)} firing windows ({told})"


def _metrics(firing: Sequence[Rating], silent: Sequence[Rating]) -> dict[str, float | None]:
    """The share of each rating and the correlation over firing windows, and the means of all groups."""
    levels = [rating.level for rating in firing if rating.level is not None]
    groups = sorted({rating.trial.group for rating in firing})
    shares = {f"rated_{level}": levels.count(level) / len(levels) if levels else None for level in LEVELS}
    means = {
        f"mean_{str(group).replace(' ', '_')}": _mean([r for r in firing if r.trial.group == group]) for group in groups
    }
    correlation = rank_correlation([rating.activation for rating in firing if rating.level is not None], levels)
    return {**shares, "mean_silent": _mean(silent), "correlation": correlation, **means}


def _mean(ratings: Sequence[Rating]) -> float | None:
    levels = [rating.level for rating in ratings if rating.level is not None]
    return sum(levels) / len(levels) if levels else None
