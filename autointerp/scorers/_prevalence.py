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
    uniform = [example for example in examples if example.group.kind is Kind.QUANTILE]
    if not uniform:
        return None
    length = float(np.mean([len(example.pieces) for example in examples]))
    firing = float(np.mean([sum(a > 0 for a in example.activations) for example in uniform]))
    return window_prevalence(density=feature.statistics.density, length=length, firing=firing)
