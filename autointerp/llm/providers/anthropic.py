"""Anthropic's messages."""

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, Literal

import anthropic
import httpx2
from anthropic import transform_schema
from pydantic import BaseModel, ConfigDict, Field

from autointerp.domain.calls import Finish, Message, Reply, Request, Role, Usage
from autointerp.domain.capabilities import Capability
from autointerp.llm import deciding
from autointerp.llm.base import Endpoint, MissingCapability
from autointerp.llm.batches.base import BatchDriver
from autointerp.llm.prices import ListPrices, Tariff
from autointerp.llm.refusals import Refusal, failure, request_id
from autointerp.llm.transport import NO_KEY_MADE, Address, as_json, broken, open_http, within
from autointerp.llm.warming import last_shared
from autointerp.llm.wire import Tokens, Wire, malformed, parse

API = "https://api.anthropic.com"
LEAST_KEPT = 512  # tokens; some older models keep nothing shorter than 1,024 to 4,096
FINISH = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "refusal": Finish.REFUSAL,
}


class Config(BaseModel):
    """`prompt_cache` is how long the vendor keeps the shared part of a prompt; None: it is not marked.

    `batches` says whether there is a batch API; None: only at Anthropic's own address.
    """

    HOSTED: ClassVar[bool] = True  # without a base_url it is the vendor's own server, which asks for a key
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(default=120, gt=0, description="seconds for the whole of one attempt")
    prompt_cache: Literal["5m", "1h"] | None = "5m"
    batches: bool | None = None

    def build(self, endpoint: Endpoint) -> "Anthropic":
        """Open the client."""
        return Anthropic(endpoint, self)

    def keeps_prompts(self, endpoint: Endpoint) -> int | None:
        """From how many tokens on the vendor keeps the shared beginning of prompts; None: it is not asked to."""
        return LEAST_KEPT if self.prompt_cache is not None else None

    def most_questions(self, endpoint: Endpoint) -> int:
        """How many yes/no questions a request may ask: the wire has none."""
        return 0

    def tariff(self, endpoint: Endpoint) -> Tariff:
        """Anthropic's list prices; another server of this wire has no known price."""
        return self._prices(endpoint)

    def can_batch(self, endpoint: Endpoint) -> bool:
        """Whether the server has a batch API."""
        return endpoint.base_url is None if self.batches is None else self.batches

    def open_batches(self, endpoint: Endpoint) -> BatchDriver:
        """Open the batch API."""
        from autointerp.llm.batches.anthropic import AnthropicBatches

        return AnthropicBatches(endpoint, self)

    def batch_tariff(self, endpoint: Endpoint) -> Tariff:
        """What requests in a batch cost."""
        return replace(self._prices(endpoint), batch=True)

    def _prices(self, endpoint: Endpoint) -> ListPrices:
        return ListPrices(vendor="anthropic") if endpoint.base_url is None else ListPrices(api_url=endpoint.base_url)


class Anthropic:
    """One endpoint through the official SDK, as raw posts."""

    def __init__(self, endpoint: Endpoint, config: Config) -> None:
        address = Address.of(endpoint, API)
        self._endpoint = endpoint
        self._config = config
        self._url = address.base_url.rstrip("/")
        self._client = anthropic.AsyncAnthropic(
            api_key=address.key,
            base_url=address.base_url,
            max_retries=0,
            open_telemetry=False,
            http_client=open_http(anthropic.DefaultAioHttpClient, address, config.timeout),
        )

    async def complete(self, request: Request) -> Reply:
        """Make one attempt."""
        content = body(request, self._config)
        async with within(self._config.timeout, self._endpoint):
            response = await self._post(request, content)
        named = request_id(response.headers)
        reply = decode(response.content, request)
        return replace(reply, provider_request=named) if named else reply

    async def _post(self, request: Request, content: dict[str, Any]) -> httpx2.Response:
        try:
            return await self._client.post(
                self._url + "/v1/messages", cast_to=httpx2.Response, content=as_json(content), options=NO_KEY_MADE
            )
        except anthropic.APIStatusError as error:
            raise failure(self._endpoint, request.model, refusal(error)) from None
        except anthropic.APIConnectionError as error:
            raise broken(self._endpoint, error) from None

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()


def body(request: Request, config: Config) -> dict[str, Any]:
    """The JSON to post for `request`; MissingCapability when it asks for what this vendor does not offer."""
    _check(request)
    marked = last_shared(request.messages) if config.prompt_cache else None
    blocks = [
        (message.role, _block(message, config.prompt_cache if index == marked else None))
        for index, message in enumerate(request.messages)
    ]
    content: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": [{"role": str(role), "content": [block]} for role, block in blocks if role is not Role.SYSTEM],
    }
    system = [block for role, block in blocks if role is Role.SYSTEM]
    if system:
        content["system"] = system
    output: dict[str, Any] = {}
    if request.schema is not None:
        output["format"] = _format(request.schema)
    if request.reasoning_effort == "none":
        content["thinking"] = {"type": "disabled"}
    elif request.reasoning_effort is not None:
        output["effort"] = request.reasoning_effort
    if output:
        content["output_config"] = output
    return content


def decode(data: bytes, request: Request) -> Reply:
    """Read the reply to `request`; Malformed (with the usage, where that can be read) when it is not one."""
    answered = parse(Billed, data)
    answer = parse(Answer, data)
    if answer is None:
        usage = answered.usage.counted() if answered is not None and answered.usage is not None else None
        model = answered.model if answered is not None else None
        raise malformed(f"endpoint {request.endpoint!r}", data, usage, model)
    return Reply(
        text="".join(block.text or "" for block in answer.content if block.type == "text"),
        finish=FINISH.get(answer.stop_reason or "", Finish.OTHER),
        usage=answer.usage.counted(),
        model=answer.model,
        raw=data.decode("utf-8", errors="replace"),
        provider_request=answer.id,
    )


@lru_cache(maxsize=64)
def _format(schema: str) -> dict[str, Any]:
    return {"type": "json_schema", "schema": transform_schema(json.loads(schema))}


def _check(request: Request) -> None:
    where = f"endpoint {request.endpoint!r}"
    if request.questions:
        raise deciding.cannot(request, "Anthropic's wire has none")
    if request.echo:
        raise MissingCapability(f"{where} does not tell the log-probabilities of given text; {Capability.ECHO.instead}")
    if request.temperature is not None:
        raise MissingCapability(f"{where} takes no temperature; leave it out, and repeat draws with `sample`")
    if request.logprobs is not None:
        raise MissingCapability(f"{where} gives no log-probabilities; use a judge without them or another endpoint")


def _block(message: Message, keep: str | None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": message.text}
    if keep is not None:
        block["cache_control"] = {"type": "ephemeral", "ttl": keep}
    return block


def refusal(error: anthropic.APIStatusError) -> Refusal:
    """What concerns us of the SDK's error."""
    codes = frozenset(str(code) for code in (error.type, error.error_code) if code)
    return Refusal(error.status_code, error.response.headers, codes, error.api_message or error.message)


class OutputDetails(Wire):
    """Of the output's tokens, those spent on thinking."""

    thinking_tokens: Tokens = 0


class Counted(Wire):
    """`input_tokens` excludes what was read from or written to the cache."""

    input_tokens: Tokens
    output_tokens: Tokens
    cache_read_input_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None
    output_tokens_details: OutputDetails | None = None

    def counted(self) -> Usage:
        """The same in our counters."""
        return Usage(
            input=self.input_tokens,
            cache_read=self.cache_read_input_tokens or 0,
            cache_write=self.cache_creation_input_tokens or 0,
            output=self.output_tokens,
            reasoning=self.output_tokens_details.thinking_tokens if self.output_tokens_details else 0,
        )


class Billed(Wire):
    """The least that can be read of a reply: who answered and what it cost."""

    model: str | None = None
    usage: Counted | None = None


class Block(Wire):
    """A piece of the answer; only text concerns us."""

    type: str
    text: str | None = None


class Answer(Wire):
    """A whole reply."""

    id: str | None = None
    model: str
    content: list[Block]
    stop_reason: str | None = None
    usage: Counted
