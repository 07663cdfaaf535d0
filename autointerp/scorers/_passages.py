"""Many short passages in one request, with a level from 0 to 9 for each token of each; and tokens, yes or no."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from autointerp.analysis.predictions import Guess
from autointerp.domain.explanations import Unread, UnreadKind
from autointerp.domain.scores import Trial
from autointerp.hashing import canonical_json
from autointerp.llm.asker import Asker
from autointerp.llm.asking import ask_json
from autointerp.scorers import _promoted
from autointerp.scorers._promoted import Candidate

MOST = 9


@dataclass(frozen=True, slots=True)
class Predicted:
    """A guess for each passage, and the version of the prompt that asked for them."""

    guesses: tuple[Guess, ...]
    prompt: str | None


async def predict(asker: Asker, prompt: str, explanation: str, passages: Sequence[Sequence[str]]) -> Predicted:
    """A level for each token of each passage, asked for at once; a list that cannot be read leaves the others.

    LLMError and OutOfBudget are the caller's.
    """
    names = _promoted.names(len(passages))
    shown = [{"id": name, "pieces": list(pieces)} for name, pieces in zip(names, passages, strict=True)]
    values = {"explanation": explanation, "passages": shown}
    request = asker.request(prompt, values, schema=_schema(len(passages)))
    heard = await ask_json(asker.llm, request, _lists(len(passages)))
    if isinstance(heard, Unread):
        return Predicted((Guess(None, heard.kind, heard.request),) * len(passages), request.prompt)
    pairs = zip((levels for _, levels in heard.value), passages, strict=True)
    guesses = tuple(_guess(levels, len(pieces), heard.request.key) for levels, pieces in pairs)
    return Predicted(guesses, request.prompt)


async def plausible(asker: Asker, prompt: str, explanation: str, tokens: Sequence[Candidate]) -> tuple[Trial, ...]:
    """Whether each token may come next where the feature fires; nothing is asked without promoted tokens.

    LLMError and OutOfBudget are the caller's.
    """
    if not any(one.promoted for one in tokens):
        return ()
    names = _promoted.names(len(tokens))
    shown = [{"id": name, "piece": one.piece} for name, one in zip(names, tokens, strict=True)]
    values = {"explanation": explanation, "tokens": shown}
    request = asker.request(prompt, values, schema=_promoted.schema(len(tokens)))
    return await _promoted.put(asker.llm, request, tokens)


def _guess(values: Sequence[Any], count: int, request: str) -> Guess:
    """The list, or why it is no answer; a missing number is never taken for a zero."""
    if len(values) != count:
        return Guess(None, UnreadKind.WRONG_COUNT, request)
    if any(type(value) is not int for value in values):
        return Guess(None, UnreadKind.NOT_A_NUMBER, request)
    if not all(0 <= value <= MOST for value in values):
        return Guess(None, UnreadKind.OUT_OF_RANGE, request)
    return Guess(tuple(float(value) for value in values), request=request)


@lru_cache
def _schema(count: int) -> str:
    """One list a passage, without bounds of numbers or lengths, which some vendors refuse; the reader checks them."""
    levels = {"type": "array", "items": {"type": "integer"}}
    return canonical_json(
        {
            "type": "object",
            "properties": dict.fromkeys(_promoted.names(count), levels),
            "required": _promoted.names(count),
            "additionalProperties": False,
        }
    )


@lru_cache
def _lists(count: int) -> type[BaseModel]:
    fields: dict[str, Any] = dict.fromkeys(_promoted.names(count), (list[Any], ...))
    return create_model(f"Lists{count}", __config__=ConfigDict(extra="forbid", strict=True), **fields)
