"""Questions of one batch taken together: which share an explanation, and where to cut a scale that has no labels."""

from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from autointerp.analysis.metrics import otsu
from autointerp.domain.judging import Answer, Question
from autointerp.hashing import stable_int
from autointerp.llm.asking import at_once


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


async def ask_in_chunks(
    questions: Sequence[Question], size: int, seed: int, ask: Callable[[Sequence[Question]], Awaitable[list[Answer]]]
) -> list[Answer]:
    """Ask different questions once, `size` at a time and all at once (the LLM layer limits them), and return an answer
    to each question; LLMError and OutOfBudget end the batch."""
    different = list(dict.fromkeys(questions))
    groups = [[different[i] for i in group] for group in by_explanation(different)]
    chunks = [chunk for group in groups for chunk in in_chunks(group, size, seed)]

    async def one(chunk: Sequence[Question]) -> list[Answer]:
        return await ask(chunk)

    answers = await at_once(one(chunk) for chunk in chunks)
    pairs = zip(chunks, answers, strict=True)
    found = {question: answer for chunk, said in pairs for question, answer in zip(chunk, said, strict=True)}
    return [found[question] for question in questions]
