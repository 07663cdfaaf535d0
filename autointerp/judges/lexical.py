"""The judge without a model: does the passage hold what the explanation names?

It looks for the tokens that the explanation quotes, or for its content words when it quotes none. A name weighs as much
as the share of the batch's passages that do not hold it: what stands everywhere counts for nothing. The confidence is
the weighted share of the names that the passage holds.

The odd one out of several passages is the one that shares least words with the others, or holds fewest of the
explanation's names where that is shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from autointerp.domain.judging import Answer, Confidence, Lineup, Passage, Pick, Question
from autointerp.domain.tools import Tools
from autointerp.judges._batches import by_explanation, verdicts
from autointerp.judges._odd import least_alike
from autointerp.judges._words import Terms, words


class Config(BaseModel):
    """The lexical judge has no options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def build(self, tools: Tools) -> "Lexical":
        """Make the judge; it needs no tools."""
        del tools
        return Lexical()


@dataclass(frozen=True, slots=True)
class Lexical:
    """Answers from shared words alone."""

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Answer each question; verdicts are cut from the overlaps of all questions on the same explanation."""
        answers: dict[int, Answer] = {}
        for group in by_explanation(questions):
            chosen = [questions[i] for i in group]
            values = _overlaps(chosen)
            holds = verdicts(values, rivals=chosen[0].rival is not None, alone=0.0)
            for i, value, verdict in zip(group, values, holds, strict=True):
                answers[i] = Answer(verdict=verdict, confidence=value, kind=Confidence.OVERLAP)
        return [answers[i] for i in range(len(questions))]

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        """Pick from each line-up the passage that shares least with the others (or the explanation, where shown)."""
        return [least_alike(one, _likeness(one), Confidence.OVERLAP) for one in lineups]


def _likeness(lineup: Lineup) -> list[float]:
    """How many words each passage shares with another, on average; or how many names of the explanation it holds."""
    if lineup.explanation is not None:
        terms = Terms.of(lineup.explanation)
        return [float(sum(count > 0 for count in terms.counts(passage))) for passage in lineup.passages]
    held = [words(passage) for passage in lineup.passages]
    return [sum(len(a & b) for j, b in enumerate(held) if j != i) / (len(held) - 1) for i, a in enumerate(held)]


def _overlaps(questions: Sequence[Question]) -> list[float]:
    """The weighted share of the names held, or against a rival the difference of weighted counts."""
    terms = Terms.of(questions[0].explanation)
    passages = {p for q in questions for p in (q.passage, q.rival) if p is not None}
    counts = {passage: terms.counts(passage) for passage in passages}
    weights = _weights(counts, len(terms.names))
    total = math.fsum(weights)
    if total == 0:
        return [0.0] * len(questions)
    return [_overlap(question, counts, weights) / total for question in questions]


def _weights(counts: dict[Passage, tuple[int, ...]], names: int) -> list[float]:
    n = len(counts)
    held = [sum(count[i] > 0 for count in counts.values()) for i in range(names)]
    return [(n - holding + 0.5) / (n + 1) for holding in held]


def _overlap(question: Question, counts: dict[Passage, tuple[int, ...]], weights: list[float]) -> float:
    here = counts[question.passage]
    if question.rival is None:
        return math.fsum(weight for weight, count in zip(weights, here, strict=True) if count)
    there = counts[question.rival]
    return math.fsum(weight * (a - b) for weight, a, b in zip(weights, here, there, strict=True))
