"""Scores held against their controls: the means side by side on the same explanations, and how far apart they are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis import bootstrap
from autointerp.domain.seeds import rng_for
from autointerp.domain.specs import CONTROLS

RESAMPLES = 2_000
UNPAIRED = "random_direction"  # its features are others than those of the scores proper


@dataclass(frozen=True, slots=True, order=True)
class Measure:
    """What is measured: whose explanations, by which scorer; each by name and by position in the run."""

    explainer_position: int
    explainer: str
    position: int
    scorer: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One score of a feature that has controls (`control` "") or of a control; `value` None: undefined."""

    measure: Measure
    control: str
    judge: str | None
    metric: str
    explanation: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Against:
    """The scores proper of a sample and those of one control.

    `features` are those that have both, and the means `score` and `control_score` are over them; for random directions,
    which are features of their own, `features` counts these. `interval` is the 95 % bootstrap interval of the
    difference of the means, resampling features; None: fewer than two. `undefined` pairs are left out, because one side
    has no value.
    """

    measure: Measure
    judge: str | None
    metric: str
    control: str
    features: int
    undefined: int
    score: float | None
    control_score: float | None
    interval: tuple[float, float] | None


def against(measured: Sequence[Measured], *, seed: int) -> tuple[Against, ...]:
    """Hold the scores of each scorer against each of its controls, in the order of the run and of `CONTROLS`."""
    groups: dict[Measure, dict[str, dict[int, Measured]]] = defaultdict(lambda: defaultdict(dict))
    for one in measured:
        groups[one.measure][one.control][one.explanation] = one
    return tuple(
        _against(measure, control, found[""], found[control], seed)
        for measure, found in sorted(groups.items())
        for control in CONTROLS
        if found[""] and found[control]
    )


def _against(
    measure: Measure, control: str, proper: Mapping[int, Measured], controls: Mapping[int, Measured], seed: int
) -> Against:
    rows, undefined = _unpaired(proper, controls) if control == UNPAIRED else _paired(proper, controls)
    of_control = int(rows[:, 3].sum())
    means = _means(rows.sum(axis=0))
    rng = rng_for(seed, "controls", measure, control)
    first = next(iter(proper.values()))
    return Against(
        measure=measure,
        judge=first.judge,
        metric=first.metric,
        control=control,
        features=of_control,
        undefined=undefined,
        score=means[0],
        control_score=means[1],
        interval=bootstrap.interval(rows, _difference, resamples=RESAMPLES, rng=rng) if of_control > 1 else None,
    )


def _paired(proper: Mapping[int, Measured], controls: Mapping[int, Measured]) -> tuple[NDArray[np.float64], int]:
    """Rows (n, 4) of a score with the weight 1 and its control with the weight 1, and how many have no such row."""
    pairs = [(proper[key].value, one.value) for key, one in controls.items() if key in proper]
    rows = [(score, 1.0, control, 1.0) for score, control in pairs if score is not None and control is not None]
    return _rows(rows), len(pairs) - len(rows)


def _unpaired(proper: Mapping[int, Measured], controls: Mapping[int, Measured]) -> tuple[NDArray[np.float64], int]:
    """The same, each row with one side only."""
    scores = [(one.value, 1.0, 0.0, 0.0) for one in proper.values() if one.value is not None]
    others = [(0.0, 0.0, one.value, 1.0) for one in controls.values() if one.value is not None]
    return _rows([*scores, *others]), len(controls) - len(others)


def _rows(rows: Iterable[tuple[float, float, float, float]]) -> NDArray[np.float64]:
    return np.array(list(rows), dtype=np.float64).reshape(-1, 4)


def _means(totals: NDArray[np.float64]) -> tuple[float | None, float | None]:
    score, scores, control, controls = totals.tolist()
    return score / scores if scores else None, control / controls if controls else None


def _difference(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The difference of the means, of totals (r, 4); NaN where one side was not drawn."""
    with np.errstate(invalid="ignore"):
        return totals[:, 0] / totals[:, 1] - totals[:, 2] / totals[:, 3]
