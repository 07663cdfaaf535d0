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


def in_chunks(group: Sequence[int], questions: Sequence[Question], size: int, seed: int) -> list[list[int]]:
    """Part the questions at the places `group` into requests of `size`, by a hash of their content, whatever order they
    came in."""
    mixed = sorted(group, key=lambda place: _mixing(questions[place], seed))
    return [mixed[i : i + size] for i in range(0, len(mixed), size)]


def _mixing(question: Question, seed: int) -> int:
    """A hash of all that a question consists of; its repr would do, but takes as long as the rest of asking."""
    passage, rival = question.passage, question.rival
    if rival is None:
        return stable_int(seed, question.task, question.explanation, *passage.pieces, passage.marks)
    return stable_int(
        seed, question.task, question.explanation, *passage.pieces, passage.marks, *rival.pieces, rival.marks
    )


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
    first: dict[Question, int] = {}
    places = [first.setdefault(question, len(first)) for question in questions]
    different = list(first)
    groups = by_explanation(different)
    chunks = [chunk for group in groups for chunk in in_chunks(group, different, size, seed)]

    async def one(chunk: Sequence[int]) -> list[Answer]:
        return await ask([different[place] for place in chunk])

    answers = await at_once(one(chunk) for chunk in chunks)
    found = {
        place: answer
        for chunk, said in zip(chunks, answers, strict=True)
        for place, answer in zip(chunk, said, strict=True)
    }
    return [found[place] for place in places]
