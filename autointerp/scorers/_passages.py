"""Many short passages in one request, with a level from 0 to 9 for each token of each; and tokens, yes or no."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from autointerp.analysis.predictions import Guess
from autointerp.domain.calls import Complete, Request
from autointerp.domain.explanations import Unread, UnreadKind
from autointerp.domain.scores import Trial
from autointerp.domain.tools import Prompts, Rendered
from autointerp.hashing import canonical_json
from autointerp.llm.asking import ask_json
from autointerp.scorers import _promoted
from autointerp.scorers._promoted import Candidate

MOST = 9


@dataclass(frozen=True, slots=True)
class Predicted:
    """A guess for each passage, and the version of the prompt that asked for them."""

    guesses: tuple[Guess, ...]
    prompt: str


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks one language model; LLMError and OutOfBudget are the caller's."""

    llm: Complete
    endpoint: str
    model: str
    prompts: Prompts
    max_tokens: int
    temperature: float | None
    reasoning_effort: str | None

    async def predict(self, prompt: str, explanation: str, passages: Sequence[Sequence[str]]) -> Predicted:
        """A level for each token of each passage, asked for at once; a list that cannot be read leaves the others."""
        names = _promoted.names(len(passages))
        shown = [{"id": name, "pieces": list(pieces)} for name, pieces in zip(names, passages, strict=True)]
        rendered = self.prompts.render(prompt, {"explanation": explanation, "passages": shown})
        heard = await ask_json(self.llm, self._request(rendered, _schema(len(passages))), _lists(len(passages)))
        if isinstance(heard, Unread):
            return Predicted((Guess(None, heard.kind, heard.request),) * len(passages), rendered.version)
        pairs = zip((values for _, values in heard.value), passages, strict=True)
        guesses = tuple(_guess(values, len(pieces), heard.request.key) for values, pieces in pairs)
        return Predicted(guesses, rendered.version)

    async def plausible(self, prompt: str, explanation: str, tokens: Sequence[Candidate]) -> tuple[Trial, ...]:
        """Whether each token may come next where the feature fires; nothing is asked without promoted tokens."""
        if not any(one.promoted for one in tokens):
            return ()
        names = _promoted.names(len(tokens))
        shown = [{"id": name, "piece": one.piece} for name, one in zip(names, tokens, strict=True)]
        rendered = self.prompts.render(prompt, {"explanation": explanation, "tokens": shown})
        return await _promoted.put(self.llm, self._request(rendered, _promoted.schema(len(tokens))), tokens)

    def _request(self, rendered: Rendered, schema: str) -> Request:
        return Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=rendered.messages,
            max_tokens=self.max_tokens,
            schema=schema,
            temperature=self.temperature,
            reasoning_effort=self.reasoning_effort,
            prompt=rendered.version,
        )


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
