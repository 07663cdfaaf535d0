"""The judge that reads nothing: the same answer to every question.

What a scorer makes of it is what its score is worth to a judge who knows nothing; runs use it for their controls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from autointerp.domain.judging import Answer, Lineup, Pick, Question
from autointerp.domain.tools import Tools


class Config(BaseModel):
    """The answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: bool = True

    def build(self, tools: Tools) -> "Fixed":
        """Make the judge; it needs no tools."""
        del tools
        return Fixed(Answer(self.answer))


@dataclass(frozen=True, slots=True)
class Fixed:
    """Answers without reading, and with no confidence."""

    said: Answer

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Give each question the same answer."""
        return [self.said] * len(questions)

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        """Pick the first of each, or the last where the answer is no."""
        return [Pick(0 if self.said.verdict else len(one.passages) - 1) for one in lineups]
