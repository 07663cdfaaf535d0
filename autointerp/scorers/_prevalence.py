"""In which share of all windows a feature fires: what the precision of a scorer that asks about windows depends on."""

from collections.abc import Sequence

import numpy as np

from autointerp.analysis.retrieval import window_prevalence
from autointerp.domain.examples import Example, Kind
from autointerp.domain.features import FeatureRecord


def prevalence(feature: FeatureRecord, examples: Sequence[Example]) -> float | None:
    """Reckon it from the density of tokens and from windows drawn by quantiles, a uniform sample of the firing ones.

    None where there are none of these.
    """
    uniform = [example.activations for example in examples if example.group.kind is Kind.QUANTILE]
    return prevalence_of_windows(feature, uniform, lengths=[len(example.pieces) for example in examples])


def prevalence_of_windows(
    feature: FeatureRecord, uniform: Sequence[Sequence[float]], *, lengths: Sequence[int]
) -> float | None:
    """The same of the activations in a uniform sample of firing windows, and the lengths of all that are asked about.

    None where the sample is empty.
    """
    if not uniform:
        return None
    firing = float(np.mean([sum(a > 0 for a in activations) for activations in uniform]))
    return window_prevalence(density=feature.statistics.density, length=float(np.mean(lengths)), firing=firing)
