"""OpenAI's older completions (`POST /v1/completions`), for one thing only: the log-probabilities of given text."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from autointerp.domain.calls import Finish, Reply, Request, TokenLogprob, Usage
from autointerp.llm import estimate
from autointerp.llm.base import MissingCapability, Said
from autointerp.llm.wire import Tokens, Wire, malformed, parse

PATH = "/completions"
FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH, "content_filter": Finish.FILTER}


def body(request: Request) -> dict[str, Any]:
    """The JSON to post for `request`; at least one token is generated, because some servers take 0 for no limit."""
    where = f"endpoint {request.endpoint!r}"
    if len(request.messages) != 1:
        raise MissingCapability(f"{where} echoes one text, not a conversation; send it as one message")
    if request.schema is not None or request.reasoning_effort is not None:
        raise MissingCapability(f"{where} echoes text as it stands, without a schema or reasoning; leave them out")
    content: dict[str, Any] = {
        "model": request.model,
        "prompt": request.messages[0].text,
        "max_tokens": max(1, request.max_tokens),
        "echo": True,
        "logprobs": request.logprobs or 1,
    }
    if request.temperature is not None:
        content["temperature"] = request.temperature
    return content


def decode(data: bytes, request: Request) -> Reply:
    """Read the reply to `request`; MissingCapability when the text does not come back with its log-probabilities."""
    answered = parse(Billed, data)
    completion = parse(Completion, data)
    counted = answered.usage if answered is not None else None
    usage = counted.counted() if counted is not None else estimate.worst(request)
    where = f"endpoint {request.endpoint!r}"
    if completion is None:
        known = None if counted is None else usage
        raise malformed(where, data, known, answered.model if answered else None)
    choice = completion.choices[0]
    tokens = () if choice.logprobs is None else choice.logprobs.tokens()
    generated = _generated(choice, counted, len(tokens), request)
    given, written = tokens[: len(tokens) - generated], tokens[len(tokens) - generated :]
    raw = data.decode("utf-8", errors="replace")
    if len(given) < 2 or any(token is None for token in (*given[1:], *written)):
        raise MissingCapability(
            f"{where} does not tell the log-probabilities of given text; use a server that does (vLLM), or a local "
            "model",
            Said(usage=usage, raw=raw, model=completion.model),
        )
    return Reply(
        text=choice.text.removeprefix(request.messages[0].text),
        finish=FINISH.get(choice.finish_reason or "", Finish.OTHER),
        usage=usage,
        model=completion.model or request.model,
        raw=raw,
        provider_request=completion.id,
        logprobs=_known(written),
        echoed=_known(given[1:]),
    )


def _generated(choice: "Choice", counted: "Counted | None", tokens: int, request: Request) -> int:
    """How many of the tokens are new: by the server's count, else those that make up the new text."""
    if counted is not None:
        return min(tokens, counted.completion_tokens)
    names = choice.logprobs.names if choice.logprobs is not None else []
    rest, count = choice.text.removeprefix(request.messages[0].text), 0
    while count < len(names) and rest and rest.endswith(names[-1 - count]):
        rest, count = rest[: len(rest) - len(names[-1 - count])], count + 1
    return count


def _known(tokens: Sequence[TokenLogprob | None]) -> tuple[TokenLogprob, ...]:
    return tuple(token for token in tokens if token is not None)


class Counted(Wire):
    """The tokens of the given and of the new text."""

    prompt_tokens: Tokens
    completion_tokens: Tokens = 0

    def counted(self) -> Usage:
        """The same in our counters."""
        return Usage(input=self.prompt_tokens, output=self.completion_tokens)


class Billed(Wire):
    """The least that can be read of a reply: who answered and what it cost."""

    model: str | None = None
    usage: Counted | None = None


class Logprobs(Wire):
    """Lists side by side, one entry a token; the first token of a text has no log-probability."""

    names: list[str] = Field(alias="tokens")
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None = None

    def tokens(self) -> tuple[TokenLogprob | None, ...]:
        """The same in our records; None where a token has no log-probability."""
        top = self.top_logprobs or [None] * len(self.names)
        if not len(self.names) == len(self.token_logprobs) == len(top):
            return ()
        rows = zip(self.names, self.token_logprobs, top, strict=True)
        return tuple(None if logprob is None else _token(name, logprob, others) for name, logprob, others in rows)


def _token(name: str, logprob: float, others: dict[str, float] | None) -> TokenLogprob:
    alternatives = tuple((other.encode(errors="replace"), value) for other, value in (others or {}).items())
    return TokenLogprob(name.encode(errors="replace"), logprob, alternatives)


class Choice(Wire):
    """The one continuation."""

    text: str
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Completion(Billed):
    """A whole reply."""

    id: str | None = None
    choices: list[Choice] = Field(min_length=1)
