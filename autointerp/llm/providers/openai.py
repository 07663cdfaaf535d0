"""OpenAI's chat completions and decisions, and every server that speaks its wire (vLLM, llama.cpp, Ollama, …)."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, ClassVar, Literal, cast

import httpx2
import openai
from openai._models import FinalRequestOptions
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from autointerp.domain.calls import Reply, Request
from autointerp.domain.capabilities import Capability
from autointerp.llm import completions, deciding, decisions, systemone
from autointerp.llm.base import CallFailed, Endpoint, MissingCapability, UnknownModel
from autointerp.llm.batches.base import BatchDriver
from autointerp.llm.chats import decode
from autointerp.llm.prices import ListPrices, Tariff
from autointerp.llm.refusals import Refusal, failure, request_id
from autointerp.llm.transport import NO_KEY_MADE, OURS, Address, as_json, broken, open_http, posted, within
from autointerp.llm.warming import last_shared, shared_prefix

LEAST_KEPT = 1_024  # tokens
BREAKPOINTS_SINCE = (5, 6)  # of the GPT models
API = "https://api.openai.com/v1"
NO_SUCH_PATH = frozenset({404, 405, 501})


class Config(BaseModel):
    """What differs between servers of this wire.

    `max_tokens_field` is for servers that know only the older name. `response_format` is how a JSON schema is sent:
    OpenAI's way, llama-cpp-python's way ("json_object"), or not at all. `decisions` is how yes/no questions are sent:
    OpenAI's way, by the System One wire, or not at all; not given, OpenAI's own server has its way and others none.
    """

    HOSTED: ClassVar[bool] = True  # without a base_url it is the vendor's own server, which asks for a key
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(default=120, gt=0, description="seconds for the whole of one attempt")
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    response_format: Literal["json_schema", "json_object", "none"] = "json_schema"
    max_logprobs: int = Field(default=20, ge=0, description="alternatives a token at most; 0: the server has none")
    decisions: Literal["none", "openai", "systemone"] | None = Field(default=None, description="the wire of decisions")
    batches: bool | None = Field(default=None, description="whether there is a batch API; by default only OpenAI's own")
    prompt_cache: Literal["explicit", "automatic", "none"] | None = Field(
        default=None, description="how the shared beginning of prompts is kept; by default OpenAI's own server's way"
    )

    def keeps_prompts(self, endpoint: Endpoint) -> int | None:
        """From how many tokens on the server keeps the shared beginning of prompts; None: it is not asked to."""
        kept = endpoint.base_url is None if self.prompt_cache is None else self.prompt_cache != "none"
        return LEAST_KEPT if kept else None

    def decides(self, *, hosted: bool) -> str:
        """The wire of decisions, of OpenAI's own server (`hosted`) or of another."""
        return self.decisions or ("openai" if hosted else "none")

    def most_questions(self, endpoint: Endpoint) -> int:
        """How many yes/no questions a request may ask; 0: there is no wire for them."""
        most = {"openai": decisions.MOST, "systemone": systemone.MOST}
        return most.get(self.decides(hosted=endpoint.base_url is None), 0)

    def build(self, endpoint: Endpoint) -> "OpenAI":
        """Open the client."""
        return OpenAI(endpoint, self)

    def tariff(self, endpoint: Endpoint) -> Tariff:
        """OpenAI's list prices, or those of the vendor at `base_url`; a server of one's own has no known price."""
        return self._prices(endpoint)

    def can_batch(self, endpoint: Endpoint) -> bool:
        """Whether the server has a batch API."""
        return endpoint.base_url is None if self.batches is None else self.batches

    def open_batches(self, endpoint: Endpoint) -> BatchDriver:
        """Open the batch API."""
        from autointerp.llm.batches.openai import OpenAIBatches

        return OpenAIBatches(endpoint, self)

    def batch_tariff(self, endpoint: Endpoint) -> Tariff:
        """What requests in a batch cost."""
        return replace(self._prices(endpoint), batch=True)

    def _prices(self, endpoint: Endpoint) -> ListPrices:
        return ListPrices(vendor="openai") if endpoint.base_url is None else ListPrices(api_url=endpoint.base_url)


class Bare(openai.AsyncOpenAI):
    """The SDK's client, which takes a post of bytes as it is.

    What it does beside (headers that tell of this machine, which would be taken off again, the URL and the headers read
    and put together several times over) takes longer than all the rest of a request.
    """

    async def post_json(self, url: str, content: bytes) -> httpx2.Response:
        """Post a body."""
        options = _POST.model_copy(update={"url": url, "content": content})
        return await self.request(httpx2.Response, options)

    @override
    def _build_request(self, options: FinalRequestOptions, *, retries_taken: int = 0) -> httpx2.Request:
        if not isinstance(options.content, bytes):
            return super()._build_request(options, retries_taken=retries_taken)
        request = httpx2.Request(
            options.method,
            _read_once(options.url),
            stream=httpx2.ByteStream(options.content),
            headers=posted(self.api_key, self.user_agent),
            extensions={"timeout": self._client.timeout.as_dict(), OURS: True},
        )
        request.read()  # aiohttp adds the host and the length of what has been read
        return request


# What all posts have in common; the SDK would put it together anew for each.
_POST = FinalRequestOptions.construct(method="post", url="", **NO_KEY_MADE)


@lru_cache(maxsize=64)
def _read_once(url: str) -> httpx2.URL:
    return httpx2.URL(url)


class OpenAI:
    """One endpoint through the official SDK, as raw posts."""

    def __init__(self, endpoint: Endpoint, config: Config) -> None:
        address = Address.of(endpoint, API)
        self._endpoint = endpoint
        self._config = config
        self._url = address.base_url.rstrip("/")
        self._client = Bare(
            api_key=address.key,
            base_url=address.base_url,
            max_retries=0,
            http_client=open_http(openai.DefaultAioHttpClient, address, config.timeout),
        )

    async def complete(self, request: Request) -> Reply:
        """Make one attempt."""
        route = route_of(request, self._config, hosted=self._endpoint.base_url is None)
        content = route.body(request)
        async with within(self._config.timeout, self._endpoint):
            response = await self._post(route, request, content)
        named = request_id(response.headers)
        reply = route.decode(response.content, request)
        return replace(reply, provider_request=named) if named else reply

    async def _post(self, route: "Route", request: Request, content: dict[str, Any]) -> httpx2.Response:
        try:
            return await self._client.post_json(self._url + route.path, as_json(content))
        except openai.APIStatusError as error:
            raise _failure(self._endpoint, request, route, refusal(error)) from None
        except openai.APIConnectionError as error:
            raise broken(self._endpoint, error) from None

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes, how it is spelled there, and how the answer is read."""

    path: str
    body: Callable[[Request], dict[str, Any]]
    decode: Callable[[bytes, Request], Reply]
    needs: Capability | None = None  # None: every server has it


def route_of(request: Request, config: Config, *, hosted: bool) -> Route:
    """The route that `request` takes; MissingCapability when the endpoint has none. `hosted`: OpenAI's own server."""
    if request.questions:
        match config.decides(hosted=hosted):
            case "openai":
                return Route(decisions.PATH, decisions.body, decisions.decode, Capability.DECISIONS)
            case "systemone":
                return Route(systemone.PATH, systemone.body, systemone.decode, Capability.DECISIONS)
            case _:
                raise deciding.cannot(request, "its option `decisions` names no wire for them")
    if request.echo:
        return Route(completions.PATH, completions.body, completions.decode, Capability.ECHO)
    return Route("/chat/completions", partial(body, config=config, hosted=hosted), decode)


def body(request: Request, config: Config, *, hosted: bool = False) -> dict[str, Any]:
    """The JSON of a chat completion. OpenAI's own server (`hosted`) is asked not to store it, and to keep the shared
    beginning of the prompt; other servers do not know the words."""
    if request.questions:
        raise deciding.cannot(request, "a chat writes text")
    if request.echo:
        raise MissingCapability(f"a chat of endpoint {request.endpoint!r} echoes no text; ask for a completion")
    content: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": str(message.role), "content": message.text} for message in request.messages],
        config.max_tokens_field: request.max_tokens,
    }
    if hosted:
        content["store"] = False
    if (prefix := shared_prefix(request)) is not None:
        _keep_beginning(content, request, prefix, config.prompt_cache or _usual(request.model, hosted=hosted))
    if request.temperature is not None:
        content["temperature"] = request.temperature
    if request.reasoning_effort is not None:
        content["reasoning_effort"] = request.reasoning_effort
    if request.logprobs is not None:
        content |= _logprobs(request, config)
    if request.schema is not None and config.response_format != "none":
        content["response_format"] = _response_format(request.schema, config.response_format)
    return content


def _keep_beginning(content: dict[str, Any], request: Request, prefix: str, way: str) -> None:
    """Ask that the shared beginning be kept.

    Explicit breakpoints keep it to its very end and nothing behind it, which newer models charge for; older ones keep
    what they like, and find it sooner by a key.
    """
    if way == "none":
        return
    content["prompt_cache_key"] = prefix[:32]
    if way == "explicit" and (last := last_shared(request.messages)) is not None:
        content["prompt_cache_options"] = {"mode": "explicit"}
        part = {
            "type": "text",
            "text": request.messages[last].text,
            "prompt_cache_breakpoint": {"mode": "explicit"},
        }
        content["messages"][last]["content"] = [part]


def _usual(model: str, *, hosted: bool) -> str:
    if not hosted:
        return "none"
    version = re.match(r"gpt-(\d+)(?:\.(\d+))?", model)
    return "explicit" if version and (int(version[1]), int(version[2] or 0)) >= BREAKPOINTS_SINCE else "automatic"


def _logprobs(request: Request, config: Config) -> dict[str, Any]:
    wanted = request.logprobs or 0
    if wanted > config.max_logprobs:
        raise MissingCapability(
            f"endpoint {request.endpoint!r} gives {config.max_logprobs} log-probabilities a token, not {wanted}"
        )
    return {"logprobs": True, "top_logprobs": wanted}


@lru_cache(maxsize=64)
def _response_format(text: str, way: str) -> dict[str, Any]:
    schema = json.loads(text)
    if way == "json_object":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}


def _failure(endpoint: Endpoint, request: Request, route: Route, told: Refusal) -> CallFailed:
    """The failure that a refusal means; a server that does not know the path cannot do what is asked there."""
    found = failure(endpoint, request.model, told)
    if route.needs is None or told.status not in NO_SUCH_PATH or "model_not_found" in told.codes:
        return found
    return UnknownModel(
        f"the server of endpoint {endpoint.name!r} has nothing at {route.path}, or no model {request.model!r} "
        f"(HTTP {told.status}); {route.needs.instead}. `autointerp endpoints probe {endpoint.name}/{request.model}` "
        "finds out what it can do, and then such a run is refused before it begins",
        found.said,
    )


def refusal(error: openai.APIStatusError) -> Refusal:
    """What concerns us of the SDK's error."""
    told = cast(dict[str, Any], error.body) if isinstance(error.body, dict) else {}
    codes = frozenset(str(told[key]) for key in ("code", "type") if told.get(key))
    message = told.get("message")
    return Refusal(
        error.status_code, error.response.headers, codes, message if isinstance(message, str) else error.message
    )
