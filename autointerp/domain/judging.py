"""Questions and answers: scorers ask, judges answer, and neither knows more of the other than this page."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from autointerp.domain.explanations import UnreadKind


@dataclass(frozen=True, slots=True)
class Passage:
    """A text in pieces; `marks` says which are highlighted (empty: the question is not about marks)."""

    pieces: tuple[str, ...]
    marks: tuple[bool, ...] = ()

    @property
    def text(self) -> str:
        """The running text, without marks."""
        return "".join(self.pieces)

    @property
    def marked_text(self) -> tuple[str, ...]:
        """The highlighted stretches, neighbouring pieces joined."""
        runs: list[str] = []
        previous = False
        for piece, mark in zip(self.pieces, self.marks, strict=False):
            if mark and previous:
                runs[-1] += piece
            elif mark:
                runs.append(piece)
            previous = mark
        return tuple(runs)


@dataclass(frozen=True, slots=True)
class Question:
    """Does `explanation` hold for `passage`, and where there is a `rival`, more than for the rival?

    `task` names the scorer's way of asking ("detection", "fuzzing", "intervention"): an LLM judge has a prompt for it.
    """

    task: str
    explanation: str
    passage: Passage
    rival: Passage | None = None


class Confidence(StrEnum):
    """How a confidence was obtained; never pooled across kinds."""

    DECISION = "decision"
    LOGPROB = "logprob"
    SIMILARITY = "similarity"
    OVERLAP = "overlap"
    GAIN = "gain"  # in log-probability, by nats: above 0 the explanation and the text make each other likelier


@dataclass(frozen=True, slots=True)
class Answer:
    """What a judge said. `verdict` None: the reply could not be read, for the reason `unread`, or is no yes or no.

    `confidence` orders the answers of one judge (a probability, a similarity, …); None: the judge gives none.
    """

    verdict: bool | None
    confidence: float | None = None
    kind: Confidence | None = None
    unread: UnreadKind | None = None
    request: str | None = None


class Judge(Protocol):
    """Answers questions, one answer each, in the order asked; the order must not matter."""

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]: ...


@dataclass(frozen=True, slots=True)
class Lineup:
    """Which of `passages` does not belong with the others?

    `task` names the way of asking, as in `Question`. `explanation` says what the others have in common; None: it is not
    shown, and the judge is to find out.
    """

    task: str
    passages: tuple[Passage, ...]
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """Which passage of a line-up a judge picked, by its position. None: the reply could not be read, see `unread`.

    `confidence` is how far the judge finds it from the next one; None: the judge gives none.
    """

    position: int | None
    confidence: float | None = None
    kind: Confidence | None = None
    unread: UnreadKind | None = None
    request: str | None = None


@runtime_checkable
class Picker(Protocol):
    """A judge that can also pick the odd one out: one pick a line-up, in the order asked, which must not matter."""

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]: ...
