"""Scores of gains in log-probability, in nats: which texts have a larger one, and how large it is."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap
from autointerp.analysis.metrics import auroc
from autointerp.analysis.summary import RESAMPLES, Metric, Recipe, by_group, even, everything, summarise
from autointerp.domain.scores import Score, Trial


def separation(
    trials: Sequence[Trial],
    *,
    headline: Callable[[Trial], bool],
    prevalence: float | None = None,
    rng: np.random.Generator,
) -> Score:
    """How well the gains tell firing windows from silent ones: the AUROC, whose interval resamples windows.

    Each trial is about another window, and its confidence is the gain in nats. A gain above 0 counts as a yes in what
    stands beside the AUROC, and in the breakdown, where the mean confidence is the mean gain. Undefined where all gains
    are equal. `prevalence` is the share of windows in which the feature fires, for precision and F1.
    """
    recipe = Recipe(Metric.BALANCED_ACCURACY, prevalence, headline, by_group, tied=even)
    score = replace(summarise(trials, recipe, rng=rng), metric=Metric.AUROC, interval=None)
    if score.value is None:
        return score
    read = [trial for trial in trials if headline(trial) and trial.answer.confidence is not None]
    truths, gains = np.array([trial.truth for trial in read]), _gains(read)
    if np.ptp(gains) == 0:
        return replace(score, value=None, undefined=f"the gain is {gains[0]:.3g} nats in each of {len(gains)} windows")
    return replace(score, value=auroc(truths, gains), interval=auroc_interval(truths, gains, RESAMPLES, rng))


def mean_gain(trials: Sequence[Trial], *, rng: np.random.Generator) -> Score:
    """The mean gain in nats, whose interval resamples windows; `accuracy` is the share of gains above 0.

    Each trial is about another window, its truth is that there is a gain, and its confidence is the gain in nats.
    """
    recipe = Recipe(Metric.ACCURACY, None, everything, lambda trial: str(trial.group), tied=even)
    score = summarise(trials, recipe, rng=rng)
    metrics = {name: score.metrics[name] for name in ("accuracy", "tied")}
    score = replace(score, metric=Metric.GAIN, metrics=metrics, interval=None)
    if score.value is None:
        return score
    gains = _gains([trial for trial in trials if trial.answer.confidence is not None])
    sums = np.column_stack([gains, np.ones(len(gains))])
    interval = bootstrap.interval(sums, lambda totals: totals[:, 0] / totals[:, 1], resamples=RESAMPLES, rng=rng)
    return replace(score, value=float(gains.mean()), interval=interval)


def auroc_interval(
    truths: NDArray[np.bool_], values: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> tuple[float, float] | None:
    """The bootstrap interval (95 %) of the AUROC of `values` (n,) for `truths` (n,), resampling all n together."""
    above = np.sign(values[truths][:, None] - values[~truths][None, :]) / 2 + 0.5  # (positives, negatives)

    def of_draws(draws: NDArray[np.float64]) -> NDArray[np.float64]:
        """The AUROC where each value was drawn as often as `draws` (resamples, n) says."""
        positives, negatives = draws[:, truths], draws[:, ~truths]
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        with np.errstate(invalid="ignore"):
            return ((positives @ above) * negatives).sum(axis=1) / pairs

    return bootstrap.interval(np.eye(len(values)), of_draws, resamples=resamples, rng=rng)


def _gains(trials: Sequence[Trial]) -> NDArray[np.float64]:
    return np.array([trial.answer.confidence for trial in trials], dtype=np.float64)
