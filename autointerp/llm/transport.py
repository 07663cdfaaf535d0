"""The HTTP under the SDKs: no redirects, no headers but ours, a limit on the whole time, clear failures."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx2
import pydantic_core

from autointerp.errors import InvalidSpec
from autointerp.llm.base import CallFailed, Endpoint, Said, TimedOut, Unreachable

CONNECT_SECONDS = 30.0
NO_KEY = "none"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OUR_HEADERS = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"anthropic-version",
        b"connection",
        b"content-length",
        b"content-type",
        b"host",
        b"user-agent",
        b"x-stainless-raw-response",
    }
)
# The SDKs draw a random key for each request, slowly, and then do not send it: neither names a header for it.
NO_KEY_MADE: Any = {"idempotency_key": "none"}
# Marks a request that was made with no headers but ours.
OURS = "autointerp"
NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint's requests go and with which key; the SDKs' environment variables have no say in either."""

    base_url: str
    key: str

    @classmethod
    def of(cls, endpoint: Endpoint, default_url: str) -> "Address":
        """The endpoint's own address and key, or the vendor's address and a key that says there is none."""
        key = endpoint.api_key.get_secret_value().strip() if endpoint.api_key is not None else ""
        if not (key.isascii() and key.isprintable()):
            raise InvalidSpec(f"the key of endpoint {endpoint.name!r} holds characters that no key has; copy it anew")
        return cls(endpoint.base_url or default_url, key or NO_KEY)

    def __repr__(self) -> str:
        return f"Address(base_url={self.base_url!r}, key=***)"


def open_http(client: Callable[..., httpx2.AsyncClient], address: Address, seconds: float) -> httpx2.AsyncClient:
    """Open the SDK's aiohttp client, which follows no redirect and sends only the headers named above.

    The SDKs add headers that the environment names (organisations, custom headers); at another server they would
    give away what they hold.
    """
    for name in ("openai", "anthropic", "httpx2"):
        _quiet(logging.getLogger(name))

    url = urlsplit(address.base_url)
    authorization = b"Bearer " + address.key.encode()

    async def only_ours(request: httpx2.Request) -> None:
        if OURS in request.extensions:
            return
        # Made anew, because deleting one after the other costs a tenth of a millisecond a request.
        kept = [(name, value) for name, value in request.headers.raw if name.lower() in OUR_HEADERS]
        request.headers = httpx2.Headers([*kept, (b"authorization", authorization)], encoding="utf-8")

    return client(
        follow_redirects=False,
        timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
        trust_env=url.hostname not in LOOPBACK,
        verify=url.scheme != "http",  # reading all certificates takes longer than many a request
        event_hooks={"request": [only_ours]},
    )


@lru_cache(maxsize=64)
def posted(key: str, user_agent: str) -> list[tuple[bytes, bytes]]:
    """The headers of a post of JSON."""
    return [
        (b"accept", b"application/json"),
        (b"accept-encoding", b"gzip, deflate"),
        (b"content-type", b"application/json"),
        (b"user-agent", user_agent.encode()),
        (b"authorization", b"Bearer " + key.encode()),
    ]


def as_json(content: dict[str, Any]) -> bytes:
    """Spell a body; the SDKs take bytes as they are, and would copy a dictionary several times."""
    try:
        return pydantic_core.to_json(content)
    except pydantic_core.PydanticSerializationError:  # half a surrogate pair, which no JSON can hold
        return _by_the_letter(content)


def _by_the_letter(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace")


@asynccontextmanager
async def within(seconds: float, endpoint: Endpoint) -> AsyncGenerator[None, None]:
    """Limit the whole time of an attempt; a reply that comes too late may have been billed."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise _too_late(endpoint, seconds) from None


def broken(endpoint: Endpoint, error: BaseException) -> CallFailed:
    """The failure that a broken connection or an inner timeout means, from the error at the bottom of the chain."""
    where = f"the server of endpoint {endpoint.name!r}"
    chain = _causes(error)
    if _never_sent(chain):
        return Unreachable(f"{where} cannot be reached; check that it runs and that its base_url is right")
    if any(isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, TimeoutError) for cause in chain):
        return Unreachable(f"{where} broke the connection before it answered", Said(usage=None))
    if any(isinstance(cause, TimeoutError | httpx2.TimeoutException) for cause in chain):
        return TimedOut(f"{where} sent nothing in time", Said(usage=None))
    return Unreachable(f"the connection to {where} failed ({type(chain[-1]).__name__})", Said(usage=None))


def _never_sent(chain: list[BaseException]) -> bool:
    """Over aiohttp only its own errors tell: openai's transport calls every one of them a connect timeout."""
    over_aiohttp = any(isinstance(cause, aiohttp.ClientError) for cause in chain)
    kinds = NEVER_SENT if over_aiohttp else (httpx2.ConnectError, httpx2.ConnectTimeout)
    return any(isinstance(cause, kinds) for cause in chain)


def _too_late(endpoint: Endpoint, seconds: float) -> TimedOut:
    message = f"the server of endpoint {endpoint.name!r} did not answer within {seconds:g} s; raise its timeout option"
    return TimedOut(message, Said(usage=None))


def _causes(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _quiet(logger: logging.Logger) -> None:
    """At DEBUG an SDK logs whole request bodies: corpus text that has no place in a log. What is less than that is left
    to the log's own level: a line for each request is only for those who ask for it."""
    if logger.getEffectiveLevel() < logging.INFO:
        logger.setLevel(logging.INFO)
