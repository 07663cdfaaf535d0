"""Asking the judge, and keeping what was asked with what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.domain.examples import Group
from autointerp.domain.judging import Judge, Question
from autointerp.domain.scores import Trial


@dataclass(frozen=True, slots=True)
class Ask:
    """One question with what the judge must not see: the truth, and which example it is about."""

    question: Question
    group: Group
    window: tuple[int, int]
    truth: bool
    note: str = ""


async def put(judge: Judge, asks: Sequence[Ask]) -> tuple[Trial, ...]:
    """Put every question to the judge in one batch; LLMError and OutOfBudget are the caller's."""
    answers = await judge.answer([ask.question for ask in asks])
    return tuple(
        Trial(group=ask.group, window=ask.window, truth=ask.truth, answer=answer, note=ask.note)
        for ask, answer in zip(asks, answers, strict=True)
    )


def too_few(*, least: int, **counts: int) -> str | None:
    """The reason why these counts of examples do not make a score, or None when each reaches `least`."""
    short = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count < least]
    return f"only {' and '.join(short)} examples; {least} are needed" if short else None
