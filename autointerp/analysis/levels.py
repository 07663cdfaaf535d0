"""Activations on a scale of a few whole numbers, and how many firings lie on a stretch of it."""

import math
from collections.abc import Sequence

import numpy as np

from autointerp.domain.features import BINS, BINS_PER_OCTAVE, LOWEST_EXPONENT


def quantise(activations: Sequence[float], *, strongest: float, most: int) -> tuple[int, ...]:
    """The activations on a scale from 0 to `most`, rounded up, so that 0 means silent and nothing else.

    `strongest` is the activation that stands for `most`; float16 may lie a little above it. Rounding down, as
    Bills et al. 2023 do, would make the weakest tenth of a feature's range silent.
    """
    if strongest <= 0:
        return (0,) * len(activations)
    return tuple(min(most, math.ceil(most * max(0.0, activation) / strongest)) for activation in activations)


def interval_of(activation: float, *, strongest: float, intervals: int) -> int:
    """Which of `intervals` equal parts of (0, strongest] holds a firing activation, from 0 (weakest)."""
    return max(1, *quantise([activation], strongest=strongest, most=intervals)) - 1


def share_of_firings(histogram: Sequence[int], *, low: float, high: float) -> float:
    """The share of firings with an activation in (low, high], taken as evenly spread within each bin; 0 without any.

    `histogram` is that of `Statistics`, whose bins are quarter octaves.
    """
    counts = np.array(histogram, dtype=np.float64)
    if counts.sum() == 0:
        return 0.0
    edges = 2.0 ** (LOWEST_EXPONENT + np.arange(BINS + 1) / BINS_PER_OCTAVE)
    inside = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
    return float((counts * inside / np.diff(edges)).sum() / counts.sum())
