"""Recall over the activation range and noise-corrected precision of a search, and the score that they make.

Notation: a judge says yes to a share `r` of random silent windows, by mistake. Of n windows that a search found it
would say yes to r * n anyway; what it says yes to beyond that is credited to the explanation, in windows where the
feature fires (true) as in silent ones (false). A mistaken no is as likely on either side, so it leaves their ratio
alone, and

    precision = true / (true + false),   true = (yes - r n) over found firing windows, false = the same over silent ones

each not below zero. No judge that can be used errs in more than a share `noise` of silent windows, so more than that
is not forgiven: an explanation that holds of nearly every text would else look precise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap
from autointerp.analysis.summary import RESAMPLES, Metric, Recipe, everything, summarise
from autointerp.domain.examples import Kind
from autointerp.domain.scores import Score, Trial

Values = NDArray[np.float64]
TAIL = 6  # columns of the totals after those of the intervals


@dataclass(frozen=True, slots=True)
class Placed:
    """A trial of a known firing window with its interval of activation and whether the search reaches it; or any other
    trial, with `interval` None."""

    trial: Trial
    interval: int | None = None
    reached: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Design:
    """What the answers are weighted by.

    `shares` (s,): which share of the feature's windows has its strongest activation in each interval. `expected`: how
    many windows of the sample should fire by the density; None where the sample holds enough of them to count.
    `noise`: the largest share of mistaken yeses that is forgiven.
    """

    shares: Values
    expected: float | None
    noise: float


@dataclass(frozen=True, eq=False, slots=True)
class Estimates:
    """One value a row of totals, each (r,); NaN where it is undefined. `raw` is the precision without correction."""

    recall: Values
    precision: Values
    raw: Values
    fpr: Values

    @property
    def f1(self) -> Values:
        """The harmonic mean of recall and precision, 0 where both are."""
        total = self.recall + self.precision
        return np.divide(2 * self.recall * self.precision, total, out=np.where(total == 0, 0.0, total), where=total > 0)


def window_prevalence(*, density: float, length: float, firing: float) -> float:
    """The share of windows in which a feature fires that fires on a share `density` of tokens.

    Windows have `length` tokens, and where the feature fires in one it does so on `firing` of them in the mean, both
    measured. The mean number of firing tokens in a window is length * density, and it is also prevalence * firing.
    """
    return min(1.0, density * length / firing)


def summarise_search(placed: Sequence[Placed], design: Design, *, rng: np.random.Generator) -> Score:
    """Compute the score of a search; `rng` draws the resamples of windows."""
    labels = {id(one.trial): _label(one) for one in placed}
    recipe = Recipe(Metric.F1, None, everything, lambda trial: labels[id(trial)], resamples=1)
    base = summarise([one.trial for one in placed], recipe, rng=rng)
    rows, statistic = _rows(placed, len(design.shares)), _statistic(placed, design)
    found = statistic(rows.sum(axis=0, keepdims=True))
    metrics = {"recall": found.recall, "precision": found.precision, "raw_precision": found.raw, "fpr": found.fpr}
    value = _known(found.f1)
    return replace(
        base,
        value=value,
        undefined=None if value is not None else _why_undefined(placed),
        interval=None
        if value is None
        else bootstrap.interval(rows, lambda totals: statistic(totals).f1, resamples=RESAMPLES, rng=rng),
        metrics={name: _known(values) for name, values in metrics.items()},
    )


def _label(one: Placed) -> str:
    if one.interval is not None:
        return f"interval {one.interval}"
    if one.trial.group.kind is Kind.RETRIEVED:
        return "retrieved firing" if one.trial.truth else "retrieved silent"
    return str(one.trial.group)


def _rows(placed: Sequence[Placed], intervals: int) -> Values:
    """What each window adds to the totals, (windows, 4 * intervals + TAIL).

    For each interval: known windows, yeses, known windows within reach, yeses within reach. Then, each with its yeses:
    found firing windows, found silent ones, random silent ones.
    """
    rows: dict[tuple[int, int], Values] = {}
    for one in placed:
        if one.trial.answer.verdict is None:
            continue
        row = rows.setdefault(one.trial.window, np.zeros(4 * intervals + TAIL))
        yes = float(one.trial.answer.verdict)
        if one.interval is not None:
            row[4 * one.interval : 4 * one.interval + 4] += (1, yes, one.reached, one.reached * yes)
        else:
            at = 4 * intervals + 2 * _sort(one.trial)
            row[at : at + 2] += (1, yes)
    return np.array([rows[window] for window in sorted(rows)]).reshape(-1, 4 * intervals + TAIL)


def _sort(trial: Trial) -> int:
    return (0 if trial.truth else 1) if trial.group.kind is Kind.RETRIEVED else 2


def _statistic(placed: Sequence[Placed], design: Design) -> Callable[[Values], Estimates]:
    firing, silent = (_unread_weight(placed, sort) for sort in (0, 1))

    def estimate(totals: Values) -> Estimates:
        known = totals[:, :-TAIL].reshape(len(totals), -1, 4)
        firing_n, firing_yes, silent_n, silent_yes, random_n, random_yes = totals[:, -TAIL:].T
        with np.errstate(invalid="ignore"):
            fpr = random_yes / random_n
        forgiven = np.minimum(fpr, design.noise)

        def true(noise: Values | float) -> Values:
            if design.expected is None:
                return firing * np.maximum(0, firing_yes - noise * firing_n)
            reached, yes = _weighted(known[..., 2], known, design), _weighted(known[..., 3], known, design)
            return design.expected * np.maximum(0, yes - noise * reached)

        def false(noise: Values | float) -> Values:
            return silent * np.maximum(0, silent_yes - noise * silent_n)

        return Estimates(
            recall=_weighted(known[..., 1], known, design),
            precision=_share(true(forgiven), false(forgiven)),
            raw=_share(true(0.0), false(0.0)),
            fpr=fpr,
        )

    return estimate


def _weighted(counts: Values, known: Values, design: Design) -> Values:
    """The mean of counts (r, s) a known window, (r,): within each interval, then over them by their shares.

    Intervals of which no window was drawn are left out.
    """
    asked = known[..., 0]
    weight = design.shares * (asked > 0)
    with np.errstate(invalid="ignore"):
        return (weight * counts / np.maximum(asked, 1)).sum(axis=1) / weight.sum(axis=1)


def _share(part: Values, rest: Values) -> Values:
    """part / (part + rest); 0 where both are: what finds nothing is not precise."""
    total = part + rest
    return np.divide(part, total, out=np.where(total == 0, 0.0, total), where=total > 0)


def _unread_weight(placed: Sequence[Placed], sort: int) -> float:
    """How many found windows of a sort each read answer stands for; NaN when none was read of some."""
    asked = [one.trial for one in placed if one.interval is None and _sort(one.trial) == sort]
    read = sum(trial.answer.verdict is not None for trial in asked)
    return len(asked) / read if read else (np.nan if asked else 1.0)


def _known(values: Values) -> float | None:
    return float(values[0]) if np.isfinite(values[0]) else None


def _why_undefined(placed: Sequence[Placed]) -> str:
    """Name the sort of window of which no answer was read."""
    for name in ("interval", "random", "retrieved firing", "retrieved silent"):
        trials = [one.trial for one in placed if _label(one).startswith(name)]
        if trials and all(trial.answer.verdict is None for trial in trials):
            kinds = ", ".join(sorted({str(trial.answer.unread or "failed") for trial in trials}))
            return f"no answer on any of {len(trials)} {name} windows ({kinds})"
    return "too few answers were read"
