"""How a chat completion of OpenAI's wire is read (`POST /v1/chat/completions`), online and in batches alike."""

from typing import Annotated

from pydantic import Field

from autointerp.domain.calls import Finish, Reply, Request, TokenLogprob, Usage
from autointerp.llm import estimate
from autointerp.llm.base import MissingCapability, Said
from autointerp.llm.wire import Tokens, Wire, malformed, parse

FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH, "content_filter": Finish.FILTER}


def decode(data: bytes, request: Request) -> Reply:
    """Read the reply to `request`; Malformed (with the usage, where that can be read) when it is not one."""
    answered = parse(Billed, data)
    completion = parse(Completion, data)
    usage = answered.usage.counted() if answered is not None and answered.usage is not None else None
    where = f"endpoint {request.endpoint!r}"
    if completion is None:
        raise malformed(where, data, usage, answered.model if answered else None)
    # A server that counts nothing is booked at the worst case: nothing known is not zero.
    usage = usage or estimate.worst(request)
    choice = completion.choices[0]
    reply = Reply(
        text=choice.message.content or "",
        finish=Finish.REFUSAL if choice.message.refusal else FINISH.get(choice.finish_reason or "", Finish.OTHER),
        usage=usage,
        model=completion.model or request.model,
        raw=data.decode("utf-8", errors="replace"),
        provider_request=completion.id,
        logprobs=choice.logprobs.tokens() if choice.logprobs is not None else (),
    )
    if request.logprobs is not None and reply.text and not reply.logprobs:
        raise MissingCapability(
            f"{where} ignores the request for log-probabilities; use a judge without them or another server",
            Said(usage=usage, raw=reply.raw, model=reply.model, provider_request=reply.provider_request),
        )
    return reply


class PromptDetails(Wire):
    """Of the prompt's tokens, those read from and written to the prompt cache."""

    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class CompletionDetails(Wire):
    """Of the completion's tokens, those spent on reasoning."""

    reasoning_tokens: Tokens | None = None


class Counted(Wire):
    """`prompt_tokens` includes what was read from or written to the cache."""

    prompt_tokens: Tokens
    completion_tokens: Tokens = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    def counted(self) -> Usage:
        """The same in our counters, each token in one."""
        prompt = self.prompt_tokens_details or PromptDetails()
        read, write = prompt.cached_tokens or 0, prompt.cache_write_tokens or 0
        reasoning = self.completion_tokens_details.reasoning_tokens if self.completion_tokens_details else 0
        fresh = max(0, self.prompt_tokens - read - write)
        return Usage(fresh, read, write, self.completion_tokens, reasoning or 0)


class Billed(Wire):
    """The least that can be read of a reply: who answered and what it cost."""

    model: str | None = None
    usage: Counted | None = None


class Spoken(Wire):
    """What the assistant said."""

    content: str | None = None
    refusal: str | None = None


class Likely(Wire):
    """A token and its log-probability; a token may be half a character, so its bytes count where they are given."""

    token: str
    spelled: list[Annotated[int, Field(ge=0, lt=256)]] | None = Field(default=None, alias="bytes")
    logprob: float

    @property
    def data(self) -> bytes:
        """The token as bytes."""
        return self.token.encode(errors="replace") if self.spelled is None else bytes(self.spelled)


class LikelyToken(Likely):
    """A generated token with its alternatives."""

    top_logprobs: list[Likely] = Field(default=[])


class Logprobs(Wire):
    """The generated tokens."""

    content: list[LikelyToken] | None = None

    def tokens(self) -> tuple[TokenLogprob, ...]:
        """The same in our records."""
        return tuple(
            TokenLogprob(token.data, token.logprob, tuple((other.data, other.logprob) for other in token.top_logprobs))
            for token in self.content or ()
        )


class Choice(Wire):
    """One of the completions; we ask for one."""

    message: Spoken
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Completion(Billed):
    """A whole reply."""

    id: str | None = None
    choices: list[Choice] = Field(min_length=1)
