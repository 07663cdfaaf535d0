"""Bringing predicted activations to the scale of the true ones, and how much of those they then explain.

Source: Bills et al. 2023, Language models can explain neurons in language models (the code's calibrations and scores).
A calibration is fitted on other sequences than those that are scored. It changes Pearson's correlation only where it is
not linear.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Method = Literal["none", "linear", "percentile"]
Calibration = Callable[[Values], Values]


def fit(method: Method, *, predicted: Sequence[float], true: Sequence[float]) -> Calibration | None:
    """The map from predicted to true values that n pairs suggest; None where they suggest none.

    `linear` is the least-squares line; there is none through predictions that are all the same, and one that falls
    would make a simulator right that predicts the opposite of the truth. `percentile` gives the
    value with the k-th smallest prediction the k-th smallest true value, the mean of them where predictions are equal,
    with straight lines between and constants beyond.
    """
    x, y = np.array(predicted, dtype=np.float64), np.array(true, dtype=np.float64)
    match method:
        case "none":
            return lambda values: values
        case "linear":
            return _linear(x, y)
        case "percentile":
            return _percentile(x, y)


def _linear(x: Values, y: Values) -> Calibration | None:
    if len(x) == 0 or np.ptp(x) == 0:
        return None
    slope = float(np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2))
    if slope <= 0:
        return None
    return lambda values: y.mean() + slope * (values - x.mean())


def _percentile(x: Values, y: Values) -> Calibration | None:
    if len(x) == 0:
        return None
    different, place, counts = np.unique(np.sort(x), return_inverse=True, return_counts=True)
    matched = np.bincount(place, weights=np.sort(y)) / counts
    return lambda values: np.interp(values, different, matched)


def squares_explained(true: Values, predicted: Values) -> float | None:
    """1 - mean((true - predicted)²) / mean(true²), around zero and not the mean; None where the truth is all zero."""
    spread = float(np.mean(true**2)) if len(true) else 0.0
    return 1 - float(np.mean((true - predicted) ** 2)) / spread if spread > 0 else None


def deviations_explained(true: Values, predicted: Values) -> float | None:
    """1 - mean(|true - predicted|) / mean(|true|); None where the truth is all zero."""
    spread = float(np.mean(np.abs(true))) if len(true) else 0.0
    return 1 - float(np.mean(np.abs(true - predicted))) / spread if spread > 0 else None
