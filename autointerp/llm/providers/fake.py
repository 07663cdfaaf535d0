"""A provider without a server: the honest reader, or any function from a request to a reply."""

import inspect
from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import SkipJsonSchema

from autointerp.domain.calls import Finish, Reply, Request, Usage
from autointerp.domain.capabilities import Capability
from autointerp.llm import estimate, honest, honest_echo
from autointerp.llm.base import Endpoint, MissingCapability, UnknownModel
from autointerp.llm.prices import FREE, Tariff

HONEST = "honest"

Answering = Callable[[Request], Reply | str | Awaitable[Reply | str]]


class Config(BaseModel):
    """`answer` is a function from a request to a reply or its text, which may be async and may raise LLMError.

    Without it the one model is "honest".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    answer: SkipJsonSchema[Answering | None] = None  # code only: no option of a file or a request

    def build(self, endpoint: Endpoint) -> "Fake":
        """Make the provider."""
        return Fake(endpoint, self.answer or _honest)

    def tariff(self, endpoint: Endpoint) -> Tariff:
        """It costs nothing."""
        return FREE


class Fake:
    """Answers by calling a function."""

    def __init__(self, endpoint: Endpoint, answer: Answering) -> None:
        self._endpoint = endpoint
        self._answer = answer

    async def complete(self, request: Request) -> Reply:
        """Call the function; a text becomes a finished reply whose tokens are estimated."""
        answer = self._answer(request)
        if inspect.isawaitable(answer):
            answer = await answer
        return answer if isinstance(answer, Reply) else finished(request, answer)

    async def close(self) -> None:
        """There is nothing to close."""


def finished(request: Request, text: str) -> Reply:
    """The reply of a model that said `text` and stopped."""
    asked = estimate.likely(request, output=0).input
    said = int(len(text.encode(errors="replace")) / estimate.BYTES_PER_TOKEN) + 1
    return Reply(text=text, finish=Finish.STOP, usage=Usage(input=asked, output=said), model=request.model, raw=text)


def honestly(request: Request) -> Reply:
    """What the honest reader answers: text, a decision on each question, or given text with its log-probabilities."""
    if request.echo:
        echoed = honest_echo.echo(request.messages[-1].text)
        return Reply("", Finish.LENGTH, estimate.likely(request, output=1), request.model, raw="", echoed=echoed)
    if not request.questions:
        return finished(request, honest.answer(request.messages, request.schema))
    decided = honest.decide(request.messages, request.questions)
    usage = estimate.likely(request, output=0)
    return Reply("", Finish.STOP, usage, request.model, raw="", decided=decided)


def _honest(request: Request) -> Reply:
    if request.model != HONEST:
        raise UnknownModel(f"endpoint {request.endpoint!r} has no model {request.model!r}; there is {HONEST!r}")
    if request.logprobs is not None or request.echo:
        needed = Capability.ECHO if request.echo else Capability.LOGPROBS
        raise MissingCapability(
            f"the honest reader of endpoint {request.endpoint!r} gives no log-probabilities; {needed.instead}"
        )
    return honestly(request)
