"""Examples as passages of a prompt: the text with the clearly firing tokens marked, and how strongly they fire."""

import math
from typing import Any

from autointerp.analysis.choosing import firing
from autointerp.domain.examples import Example
from autointerp.domain.judging import Passage


def level(activation: float, strongest: float, *, highest: int = 10) -> int:
    """The activation on a scale from 0 (silent) to `highest`, rounded up; float16 may lie a little above the maximum.

    What fires at all is at least 1, so that a weak example is not shown as a silent one.
    """
    return min(highest, max(0, math.ceil(highest * activation / strongest)))


def passage(example: Example, strongest: float, *, threshold: float, listed: int) -> dict[str, Any]:
    """A firing example for a prompt, with the `listed` strongest of its marked tokens and their levels."""
    marks = firing(example, threshold)
    by_strength = sorted(range(len(marks)), key=lambda i: (-example.activations[i], i))
    chosen = sorted(i for i in by_strength[:listed] if marks[i])
    tokens = [{"piece": example.pieces[i], "strength": level(example.activations[i], strongest)} for i in chosen]
    return {"text": Passage(example.pieces, marks), "tokens": tokens}


def strongest_first(example: Example) -> tuple[float, int, int]:
    """The key that sorts the strongest examples to the front."""
    return -example.max, example.context, example.start
