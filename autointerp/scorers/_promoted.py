"""The logit score: does the explanation tell which tokens the feature makes more likely to come next?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, create_model

from autointerp.domain.calls import Complete, Request
from autointerp.domain.examples import Example, Group, Kind
from autointerp.domain.explanations import Unread
from autointerp.domain.features import Statistics
from autointerp.domain.judging import Answer
from autointerp.domain.scores import Trial
from autointerp.hashing import canonical_json
from autointerp.llm.asking import ask_json

NOWHERE = -1  # the context of a trial about a token of the vocabulary, which stands in no window


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token, and whether the feature promotes it."""

    token: int
    piece: str
    promoted: bool


def candidates(
    statistics: Statistics, silent: Sequence[Example], *, skip: int, count: int, rng: np.random.Generator
) -> tuple[Candidate, ...]:
    """At most `count` promoted tokens after the first `skip`, and as many as `count` others, mixed.

    The first ones are left out because an explainer may have been shown them; where the harvest kept no more, all are
    taken. The others are different tokens of silent windows, drawn at random: no scorer sees the vocabulary.
    """
    kept = [Candidate(one.token, one.piece, promoted=True) for one in statistics.promoted]
    chosen = (kept[skip:] or kept)[:count]
    known = {one.piece for one in kept}
    others = {
        piece: Candidate(token, piece, promoted=False)
        for example in silent
        for token, piece in zip(example.tokens, example.pieces, strict=True)
        if piece and piece not in known
    }
    ordered = [others[piece] for piece in sorted(others)]
    drawn = [ordered[i] for i in rng.permutation(len(ordered))[:count]]
    both = [*chosen, *drawn]
    return tuple(both[i] for i in rng.permutation(len(both)))


async def put(llm: Complete, request: Request, asked: Sequence[Candidate]) -> tuple[Trial, ...]:
    """Ask about all of them in one request, whose schema is that of `schema`: one trial a token."""
    heard = await ask_json(llm, request, _verdicts(len(asked)))
    if isinstance(heard, Unread):
        answers = [Answer(None, unread=heard.kind, request=heard.request)] * len(asked)
    else:
        answers = [Answer(verdict, request=heard.request.key) for _, verdict in heard.value]
    return tuple(
        Trial(
            group=Group(Kind.PROMOTED),
            window=(NOWHERE, one.token),
            truth=one.promoted,
            answer=answer,
            note=canonical_json({"token": one.piece}),
        )
        for one, answer in zip(asked, answers, strict=True)
    )


@lru_cache
def schema(count: int) -> str:
    """One required boolean a token."""
    return canonical_json(
        {
            "type": "object",
            "properties": {name: {"type": "boolean"} for name in names(count)},
            "required": names(count),
            "additionalProperties": False,
        }
    )


def names(count: int) -> list[str]:
    """What the tokens are called in the request: "1", "2", …"""
    return [str(i) for i in range(1, count + 1)]


@lru_cache
def _verdicts(count: int) -> type[BaseModel]:
    fields: dict[str, Any] = dict.fromkeys(names(count), (bool, ...))
    return create_model(f"Plausible{count}", __config__=ConfigDict(extra="forbid", strict=True), **fields)


def label(trial: Trial) -> str:
    """The row of the breakdown that a token belongs to."""
    return "promoted tokens" if trial.truth else "other tokens"
