"""Examples as passages of a prompt: the text with the clearly firing tokens marked, and how strongly they fire."""

from collections.abc import Sequence
from typing import Any

from autointerp.analysis.choosing import firing
from autointerp.analysis.levels import quantise
from autointerp.domain.examples import Example
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Passage

HIGHEST = 10  # of the scale of activations


def passages(
    feature: FeatureRecord, examples: Sequence[Example], *, threshold: float, listed: int
) -> list[dict[str, Any]]:
    """Firing examples for a prompt, strongest first, each with the `listed` strongest of its marked tokens."""
    strongest = strength_of(feature, examples)
    return [
        _passage(example, strongest, threshold=threshold, listed=listed)
        for example in sorted(examples, key=strongest_first)
    ]


def strength_of(feature: FeatureRecord, examples: Sequence[Example]) -> float:
    """The feature's strongest activation, by which levels are told."""
    return feature.statistics.max or max(example.max for example in examples)


def strongest_first(example: Example) -> tuple[float, int, int]:
    """The key that sorts the strongest examples to the front."""
    return -example.max, example.context, example.start


def _passage(example: Example, strongest: float, *, threshold: float, listed: int) -> dict[str, Any]:
    marks = firing(example, threshold)
    by_strength = sorted(range(len(marks)), key=lambda i: (-example.activations[i], i))
    chosen = sorted(i for i in by_strength[:listed] if marks[i])
    levels = quantise(example.activations, strongest=strongest, most=HIGHEST)
    tokens = [{"piece": example.pieces[i], "strength": levels[i]} for i in chosen]
    return {"text": Passage(example.pieces, marks), "tokens": tokens}
