"""What goes to a language model and what comes back."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from autointerp.domain.explanations import UnreadKind
from autointerp.hashing import digest


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. `shared`: the same for many requests, so a provider may cache up to its end."""

    role: Role
    text: str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A yes/no question about the messages of a request, under a name that the reply repeats."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a question: the probability of yes, or None for the reason `unread`."""

    name: str
    probability: float | None
    unread: UnreadKind | None = None


@dataclass(frozen=True)
class Request:
    """Everything that determines a reply; its digest is the key of the reply cache.

    `schema` is a JSON schema in canonical JSON that the reply must follow (None: free text). `temperature` and
    `reasoning_effort` None: not sent. `logprobs` asks for that many alternatives at each token (None: not asked).
    `sample` tells apart repeated draws of the same request. `prompt` is the version of the prompt, for the ledger.

    With `questions` no text is written: each is decided, as one about the messages. With `echo` the one message is
    continued as it stands, and its own tokens come back with their log-probabilities.
    """

    endpoint: str
    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    schema: str | None = None
    temperature: float | None = None
    reasoning_effort: str | None = None
    logprobs: int | None = None
    sample: int = 0
    prompt: str | None = None
    questions: tuple[Asked, ...] = ()
    echo: bool = False

    @cached_property
    def key(self) -> str:
        """The digest of the whole request but for `prompt`, which its messages already show."""
        # Spelled out, because `dataclasses.asdict` copies every message twice.
        content: dict[str, Any] = {
            "version": 1,
            "endpoint": self.endpoint,
            "model": self.model,
            "messages": [{"role": one.role, "text": one.text, "shared": one.shared} for one in self.messages],
            "max_tokens": self.max_tokens,
            "schema": self.schema,
            "temperature": self.temperature,
            "reasoning_effort": self.reasoning_effort,
            "logprobs": self.logprobs,
            "sample": self.sample,
        }
        # Replies that were kept before there were these stay valid.
        if self.questions:
            content["questions"] = [{"name": one.name, "text": one.text} for one in self.questions]
        if self.echo:
            content["echo"] = True
        return digest(content)


class Finish(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"
    FILTER = "filter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens billed, each in one counter only: `input` excludes what was read from or written to a prompt cache."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """All tokens; `reasoning` is a part of `output`."""
        return self.input + self.cache_read + self.cache_write + self.output


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One generated token with its log-probability and those of the alternatives, as UTF-8 bytes."""

    token: bytes
    logprob: float
    alternatives: tuple[tuple[bytes, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered. `cost` is in nano-dollars; None: the price is not known. `cached`: it cost nothing now.

    `decided` has one entry for each question of the request, in its order. `echoed` are the tokens of an echoed
    request after the first, which nothing comes before.
    """

    text: str
    finish: Finish
    usage: Usage
    model: str
    raw: str
    provider_request: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    cost: int | None = None
    cached: bool = False
    decided: tuple[Decided, ...] = ()
    echoed: tuple[TokenLogprob, ...] = ()


class Complete(Protocol):
    """Answers a request, or raises LLMError or OutOfBudget."""

    async def complete(self, request: Request) -> Reply: ...
