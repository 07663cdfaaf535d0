"""The System One wire (`POST /v1/systemone`): one state, many questions about it, the weight of yes for each.

vLLM, Ollama, `transformers serve` and several vendors speak it. Its word for a yes/no question is "noul".
"""

from typing import Any

from pydantic import Field

from autointerp.domain.calls import Decided, Reply, Request, Usage
from autointerp.domain.explanations import UnreadKind
from autointerp.llm import deciding
from autointerp.llm.wire import Probability, Tokens, Wire, malformed, parse, says_a_name_twice

PATH = "/systemone"
MOST = 64
# Below this much weight on yes and no together, the model was about to say something else; its odds say nothing.
LEAST_MASS = 0.5


def body(request: Request) -> dict[str, Any]:
    """The JSON to post for `request`; MissingCapability when it asks for more than decisions."""
    deciding.check(request, most=MOST, wire="System One")
    return {
        "model": request.model,
        "state": "\n\n".join(message.text for message in request.messages),
        "questions": {asked.name: {"type": "noul", "instructions": asked.text} for asked in request.questions},
    }


def decode(data: bytes, request: Request) -> Reply:
    """Read the reply to `request`; Malformed (with the usage, where that can be read) when it is not one."""
    answered = parse(Billed, data)
    usage = answered.usage.counted() if answered is not None and answered.usage is not None else None
    decision = parse(Decision, data)
    if decision is None or says_a_name_twice(data):
        raise malformed(f"endpoint {request.endpoint!r}", data, usage, answered.model if answered else None)
    found = {name: answer.decided(name) for name, answer in decision.answers.items()}
    return deciding.reply_of(request, found, usage=usage, model=decision.model, data=data)


class Counted(Wire):
    """Some servers read the state once for each question, and count it so."""

    input_tokens: Tokens
    output_tokens: Tokens = 0
    cached_tokens: Tokens = 0

    def counted(self) -> Usage:
        """The same in our counters."""
        read = min(self.cached_tokens, self.input_tokens)
        return Usage(input=self.input_tokens - read, cache_read=read, output=self.output_tokens)


class Billed(Wire):
    """The least that can be read of a reply: who answered and what it cost."""

    model: str | None = None
    usage: Counted | None = None


class Answer(Wire):
    """The answer to one question: the weight of yes, and where the server tells it, that of yes and no together."""

    type: str
    noul: Probability | None = None
    label_mass: Probability | None = None

    def decided(self, name: str) -> Decided:
        """The same in our record."""
        if self.type == "refusal":
            return Decided(name, None, UnreadKind.REFUSED)
        if self.type != "noul" or self.noul is None:
            return Decided(name, None, UnreadKind.UNPARSABLE)
        if self.label_mass is not None and self.label_mass < LEAST_MASS:
            return Decided(name, None, UnreadKind.UNDECIDED)
        return Decided(name, self.noul)


class Decision(Billed):
    """A whole reply."""

    answers: dict[str, Answer] = Field(min_length=1)
