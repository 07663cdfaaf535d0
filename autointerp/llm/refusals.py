"""From what an HTTP server says when it does not answer to the failure that it means, in one clear sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from autointerp.llm.base import (
    BadRequest,
    CallFailed,
    Endpoint,
    Overloaded,
    QuotaSpent,
    RateLimited,
    Redirected,
    Said,
    ServerFailed,
    TimedOut,
    UnknownModel,
    WrongKey,
)

QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
    }
)
QUOTA_WORDS = ("credit balance is too low", "exceeded your current quota")
LONGEST_QUOTE = 300


@dataclass(frozen=True, slots=True)
class Refusal:
    """What concerns us of a reply with a status other than 2xx; `codes` are the server's machine-readable words."""

    status: int
    headers: Mapping[str, str]
    codes: frozenset[str]
    message: str


def failure(endpoint: Endpoint, model: str, refusal: Refusal) -> CallFailed:
    """Return the failure that `refusal` means."""
    where = f"endpoint {endpoint.name!r}"
    said = Said(
        retry_after=retry_after(refusal.headers),
        raw=refusal.message[:10_000],
        provider_request=request_id(refusal.headers),
    )
    status = refusal.status
    if status == 402 or refusal.codes & QUOTA_CODES or any(words in refusal.message for words in QUOTA_WORDS):
        return QuotaSpent(f"the account of {where} has no credit left or reached its spending limit; add credit", said)
    if status in (401, 403):
        return WrongKey(f"the server of {where} refused the key (HTTP {status}); set the right key for it", said)
    if status == 404 or "model_not_found" in refusal.codes:
        return UnknownModel(f"{where} has no model {model!r}, or its base_url is wrong (HTTP {status})", said)
    if status == 429:
        return RateLimited(f"{where} asks for fewer requests (HTTP 429)", said)
    if status in (503, 529):
        return Overloaded(f"the server of {where} is overloaded (HTTP {status})", said)
    if status in (408, 504):
        return TimedOut(
            f"the server of {where} gave up waiting (HTTP {status})", Said(said.retry_after, None, said.raw)
        )
    if status >= 500 or status in (409, 425):
        return ServerFailed(f"the server of {where} failed (HTTP {status}): {quote(endpoint, refusal.message)}", said)
    if 300 <= status < 400:
        return Redirected(
            f"the server of {where} redirects to another address, which is never followed; correct its base_url", said
        )
    return BadRequest(f"{where} refused the request (HTTP {status}): {quote(endpoint, refusal.message)}", said)


def quote(endpoint: Endpoint, message: str) -> str:
    """The server's words on one line, shortened, with the endpoint's key taken out."""
    words = " ".join(message.split())
    if endpoint.api_key is not None and endpoint.api_key.get_secret_value():
        words = words.replace(endpoint.api_key.get_secret_value(), "***")
    return words[:LONGEST_QUOTE] or "it said nothing"


def request_id(headers: Mapping[str, str]) -> str | None:
    """The server's own name for the request."""
    return headers.get("x-request-id") or headers.get("request-id")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds to wait that the server asks for; None: it does not say, or not in a way that can be read."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
