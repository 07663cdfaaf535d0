"""Reading a vendor's stream of results."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2

from autointerp.llm.base import BadRequest, CallFailed, Endpoint
from autointerp.llm.refusals import Refusal, failure

RAW = {"X-Stainless-Raw-Response": "stream"}  # the SDKs hand out the response before its body was read


async def json_lines(found: Any) -> AsyncGenerator[bytes]:
    """Yield the lines of a response whose body was not read, or of the SDK's wrapper around it.

    Only a newline ends one: texts may hold other separators, at which `aiter_lines` would cut.
    """
    response: httpx2.Response = getattr(found, "http_response", found)
    rest = b""
    try:
        async for piece in response.aiter_bytes():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                if line.strip():
                    yield line
        if rest.strip():
            yield rest
    finally:
        await response.aclose()


def body_of(told: Any) -> bytes:
    """The body of one answer as it would have come online; what was no JSON stands in a result as a text."""
    return told.encode(errors="replace") if isinstance(told, str) else json.dumps(told).encode()


def refused(endpoint: Endpoint, model: str, status: int, code: str | None, message: str | None) -> CallFailed:
    """The failure of one request of a batch; none of these is billed."""
    found = failure(endpoint, model, Refusal(status, {}, frozenset({code} if code else ()), message or ""))
    return type(found)(str(found))


def is_final(error: CallFailed) -> bool:
    """Whether the same request would fail in the same way again."""
    return isinstance(error, BadRequest)
