"""Questions of one batch taken together: which share an explanation, and where to cut a scale that has no labels."""

from collections.abc import Sequence

import numpy as np

from autointerp.analysis.metrics import otsu
from autointerp.domain.judging import Question
from autointerp.hashing import stable_int


def by_explanation(questions: Sequence[Question]) -> list[list[int]]:
    """The positions of the questions that share task, explanation and form (with or without a rival)."""
    groups: dict[tuple[str, str, bool], list[int]] = {}
    for i, question in enumerate(questions):
        groups.setdefault((question.task, question.explanation, question.rival is None), []).append(i)
    return list(groups.values())


def in_chunks(questions: Sequence[Question], size: int, seed: int) -> list[list[Question]]:
    """Part the questions into requests of `size`, by a hash of their content, whatever order they came in."""
    mixed = sorted(questions, key=lambda question: stable_int(seed, question))
    return [mixed[i : i + size] for i in range(0, len(mixed), size)]


def verdicts(values: Sequence[float], *, rivals: bool, alone: float) -> list[bool]:
    """Turn the values of one explanation's questions into verdicts without seeing a label.

    Against a rival, what is above zero holds. Else what is above Otsu's cut through the batch holds; where all values
    are equal there is nothing to cut, and what is above `alone` holds.
    """
    cut = 0.0 if rivals else otsu(np.array(values, dtype=np.float64))
    return [value > (alone if cut is None else cut) for value in values]
