"""Two ways of asking a language model to predict an activation for each token of a text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, create_model

from autointerp.analysis.predictions import Guess
from autointerp.domain.calls import Complete, Message, Reply, Request, Role, TokenLogprob
from autointerp.domain.explanations import Unread, UnreadKind
from autointerp.domain.tools import Prompts
from autointerp.hashing import canonical_json
from autointerp.llm.asker import Asker
from autointerp.llm.asking import ask, ask_json, at_once
from autointerp.llm.base import MissingCapability
from autointerp.scorers._expected import expectation, of_fields

MOST_WRITTEN = 10
MOST_ECHOED = 9  # many tokenizers split "10", and a label must be one token


@dataclass(frozen=True, slots=True)
class Simulated:
    """The guess about each text; `prompt` is the version of the prompt, None where the requests tell it."""

    guesses: tuple[Guess, ...]
    prompt: str | None = None


class Simulator(Protocol):
    """Predicts from an explanation how strongly a feature fires at each token of texts, from 0 to `most`."""

    @property
    def most(self) -> int: ...

    async def simulate(self, explanation: str, texts: Sequence[Sequence[str]]) -> Simulated:
        """Predict for the tokens of each text, in the order asked; LLMError and OutOfBudget are the caller's."""
        ...


@dataclass(frozen=True, slots=True)
class Writing:
    """Asks for a JSON object with a whole number for each numbered token, so that none can be skipped unnoticed.

    Where `logprobs` alternatives are asked for, each number becomes its expected value.
    """

    asker: Asker
    prompt: str
    logprobs: int | None

    @property
    def most(self) -> int:
        """The end of the scale."""
        return MOST_WRITTEN

    async def simulate(self, explanation: str, texts: Sequence[Sequence[str]]) -> Simulated:
        """Ask for all tokens of a text at once, and once more where the reply cannot be read."""
        return Simulated(tuple(await at_once(self._one(explanation, pieces) for pieces in texts)))

    async def _one(self, explanation: str, pieces: Sequence[str]) -> Guess:
        tokens = [{"id": str(i), "piece": piece} for i, piece in enumerate(pieces, start=1)]
        values = {"explanation": explanation, "tokens": tokens}
        request = self.asker.request(self.prompt, values, schema=_schema(len(pieces)), logprobs=self.logprobs)
        heard = await ask_json(self.asker.llm, request, _levels(len(pieces)))
        if isinstance(heard, Unread):
            return Guess(None, heard.kind, heard.request)
        written: dict[str, int] = dict(heard.value)
        return Guess(of_fields(heard.reply, written, most=MOST_WRITTEN), request=heard.request.key)


@lru_cache
def _schema(count: int) -> str:
    """No bounds of numbers or lengths, which some vendors refuse; the reader checks them."""
    names = [str(i) for i in range(1, count + 1)]
    return canonical_json(
        {
            "type": "object",
            "properties": {name: {"type": "integer"} for name in names},
            "required": names,
            "additionalProperties": False,
        }
    )


@lru_cache
def _levels(count: int) -> type[BaseModel]:
    level = Annotated[int, Field(ge=0, le=MOST_WRITTEN)]
    fields: dict[str, Any] = {str(i): (level, ...) for i in range(1, count + 1)}
    return create_model(f"Levels{count}", __config__=ConfigDict(extra="forbid", strict=True), **fields)


@dataclass(frozen=True, slots=True)
class Echoing:
    """Reads the odds of the digits at each token of a given text, all at once, and lets the model write nothing.

    Each token stands on a line with a tab and a mark for an unknown value. What the model would have written there is
    read from the alternatives at the mark. It is no letter, because many tokenizers join a tab with letters after it.
    """

    llm: Complete
    endpoint: str
    model: str
    prompts: Prompts
    prompt: str
    logprobs: int

    @property
    def most(self) -> int:
        """The end of the scale."""
        return MOST_ECHOED

    async def simulate(self, explanation: str, texts: Sequence[Sequence[str]]) -> Simulated:
        """Ask once a text; MissingCapability, which says what to do, where given text has no log-probabilities."""
        return Simulated(tuple(await at_once(self._one(explanation, pieces) for pieces in texts)))

    async def _one(self, explanation: str, pieces: Sequence[str]) -> Guess:
        rendered = self.prompts.render(self.prompt, {"explanation": explanation, "pieces": list(pieces)})
        text = "\n\n".join(message.text for message in rendered.messages)
        request = Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=(Message(Role.USER, text),),
            max_tokens=1,
            logprobs=self.logprobs,
            prompt=rendered.version,
            echo=True,
        )
        try:
            reply = await ask(self.llm, request)
        except MissingCapability as error:
            raise MissingCapability(f'{error.detail}, or score with predict = "json"', error.said) from None
        if isinstance(reply, Unread):
            return Guess(None, reply.kind, request.key)
        return self._read(reply, len(pieces), request)

    def _read(self, reply: Reply, count: int, request: Request) -> Guess:
        marks = marked(reply.echoed)[-count:]
        if not reply.echoed:
            return Guess(None, UnreadKind.MALFORMED, request.key)
        if len(marks) < count:
            raise MissingCapability(
                f"the tokenizer of {request.model!r} at endpoint {request.endpoint!r} joins the tab with what follows, "
                'so that no odds of digits can be read; score with predict = "json"'
            )
        values = [expectation(mark, most=MOST_ECHOED, least_mass=0.0) for mark in marks]
        known = tuple(value for value in values if value is not None)
        if len(known) < count:
            return Guess(None, UnreadKind.UNDECIDED, request.key)
        return Guess(known, request=request.key)


def marked(tokens: Sequence[TokenLogprob]) -> list[TokenLogprob]:
    """The tokens that begin with the mark right after a tab; in the text of a token, tabs are escaped."""
    pairs = pairwise(tokens)
    return [token for before, token in pairs if before.token.endswith(b"\t") and re.match(rb"\?", token.token)]
