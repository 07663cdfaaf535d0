"""Scores of many features put together: where they lie, and how many are not there, for which reasons."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autointerp.analysis.comparison import mean_interval

RESAMPLES = 2_000
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The scores of one scorer; the numbers are None where no feature has one.

    `interval` is the 95 % bootstrap interval of the mean, resampling features (None for a single one). `undefined`
    counts the scores without a value by reason, and `missing` the features without a score.
    """

    scored: int
    undefined: Mapping[str, int]
    missing: int
    mean: float | None
    interval: tuple[float, float] | None
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None


def aggregate(values: Sequence[float], reasons: Sequence[str], *, features: int, rng: np.random.Generator) -> Aggregate:
    """Put together the `values` of one scorer and the `reasons` of its undefined scores, of this many `features`."""
    found = np.array(values, dtype=np.float64)
    quartiles = [float(q) for q in np.quantile(found, [0.25, 0.5, 0.75])] if len(found) else [None] * 3
    return Aggregate(
        scored=len(found),
        undefined=count_reasons(reasons),
        missing=max(0, features - len(values) - len(reasons)),
        mean=float(found.mean()) if len(found) else None,
        interval=mean_interval(found, resamples=RESAMPLES, rng=rng),
        lower_quartile=quartiles[0],
        median=quartiles[1],
        upper_quartile=quartiles[2],
    )


def count_reasons(reasons: Sequence[str]) -> dict[str, int]:
    """Count reasons, most frequent first; those that differ in their numbers only are one, with the numbers' range.

    "only 3 firing examples; 10 are needed" and "only 7 firing examples; 10 are needed" are twice
    "only 3–7 firing examples; 10 are needed".
    """
    alike: dict[str, list[str]] = {}
    for reason in reasons:
        alike.setdefault(NUMBER.sub("#", reason), []).append(reason)
    counts = {_joined(members): len(members) for members in alike.values()}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _joined(reasons: Sequence[str]) -> str:
    columns = zip(*(NUMBER.findall(reason) for reason in reasons), strict=True)
    ranges = iter([_range(column) for column in columns])
    return NUMBER.sub(lambda match: next(ranges), reasons[0])


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if low == high else f"{low}–{high}"
