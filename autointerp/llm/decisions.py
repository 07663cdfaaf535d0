"""OpenAI's decisions (`POST /v1/decisions`): one input, many statements about it, a probability for each."""

from typing import Any

from pydantic import Field

from autointerp.domain.calls import Decided, Message, Reply, Request, Usage
from autointerp.domain.explanations import UnreadKind
from autointerp.llm import deciding
from autointerp.llm.wire import Probability, Tokens, Wire, malformed, parse

PATH = "/decisions"
MOST = 400


def body(request: Request) -> dict[str, Any]:
    """The JSON to post for `request`; MissingCapability when it asks for more than decisions."""
    deciding.check(request, most=MOST, wire="OpenAI's decisions")
    return {
        "model": request.model,
        "input": [_message(message) for message in request.messages],
        "questions": [
            {"type": "predicate", "name": asked.name, "instructions": asked.text} for asked in request.questions
        ],
    }


def decode(data: bytes, request: Request) -> Reply:
    """Read the reply to `request`; Malformed (with the usage, where that can be read) when it is not one."""
    answered = parse(Billed, data)
    usage = answered.usage.counted() if answered is not None and answered.usage is not None else None
    decision = parse(Decision, data)
    names = [answer.name for answer in decision.answers] if decision is not None else []
    if decision is None or len(set(names)) != len(names):
        raise malformed(f"endpoint {request.endpoint!r}", data, usage, answered.model if answered else None)
    found = {answer.name: answer.decided(answer.name) for answer in decision.answers if answer.name is not None}
    return deciding.reply_of(request, found, usage=usage, model=decision.model, data=data)


def _message(message: Message) -> dict[str, Any]:
    return {"type": "message", "role": str(message.role), "content": message.text}


class InputDetails(Wire):
    """Of the input's tokens, those read from and written to the prompt cache."""

    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class OutputDetails(Wire):
    """Of the output's tokens, those spent on reasoning."""

    reasoning_tokens: Tokens | None = None


class Counted(Wire):
    """`input_tokens` includes what was read from or written to the cache."""

    input_tokens: Tokens
    output_tokens: Tokens = 0
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None

    def counted(self) -> Usage:
        """The same in our counters, each token in one."""
        details = self.input_tokens_details or InputDetails()
        read, write = details.cached_tokens or 0, details.cache_write_tokens or 0
        reasoning = self.output_tokens_details.reasoning_tokens if self.output_tokens_details else 0
        return Usage(max(0, self.input_tokens - read - write), read, write, self.output_tokens, reasoning or 0)


class Billed(Wire):
    """The least that can be read of a reply: who answered and what it cost."""

    model: str | None = None
    usage: Counted | None = None


class Answer(Wire):
    """The answer to one question: a predicate's probability, or a refusal."""

    type: str
    name: str | None = None
    probability: Probability | None = None

    def decided(self, name: str) -> Decided:
        """The same in our record; an answer of another type is none to a yes/no question."""
        if self.type == "refusal":
            return Decided(name, None, UnreadKind.REFUSED)
        if self.type != "predicate" or self.probability is None:
            return Decided(name, None, UnreadKind.UNPARSABLE)
        return Decided(name, self.probability)


class Decision(Billed):
    """A whole reply."""

    answers: list[Answer] = Field(min_length=1)
