"""What a server's refusals mean, and that no sentence gives a key away."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from autointerp.domain.calls import Usage
from autointerp.llm.base import (
    BadRequest,
    CallFailed,
    Endpoint,
    Overloaded,
    QuotaSpent,
    RateLimited,
    Redirected,
    ServerFailed,
    TimedOut,
    UnknownModel,
    Unreachable,
    WrongKey,
)
from autointerp.llm.refusals import Refusal, failure, quote, retry_after
from autointerp.llm.transport import broken

ENDPOINT = Endpoint(name="main", provider="openai", api_key=SecretStr("sk-canary"))


@pytest.mark.parametrize(
    ("status", "codes", "message", "kind"),
    [
        (307, set[str](), "", Redirected),
        (400, set[str](), "bad", BadRequest),
        (400, set[str](), "Your credit balance is too low to access the API.", QuotaSpent),
        (400, {"model_not_found"}, "no", UnknownModel),
        (401, set[str](), "", WrongKey),
        (402, set[str](), "", QuotaSpent),
        (403, set[str](), "", WrongKey),
        (404, set[str](), "", UnknownModel),
        (408, set[str](), "", TimedOut),
        (409, set[str](), "", ServerFailed),
        (422, set[str](), "", BadRequest),
        (429, set[str](), "", RateLimited),
        (429, {"insufficient_quota"}, "", QuotaSpent),
        (429, {"enforced_spend_limit_reached"}, "", QuotaSpent),
        (500, set[str](), "", ServerFailed),
        (503, set[str](), "", Overloaded),
        (504, set[str](), "", TimedOut),
        (529, set[str](), "", Overloaded),
    ],
)
def test_each_status_has_its_meaning(status: int, codes: set[str], message: str, kind: type[CallFailed]) -> None:
    error = failure(ENDPOINT, "m-1", Refusal(status, {}, frozenset(codes), message))

    assert type(error) is kind
    assert "'main'" in error.detail


@given(st.integers(300, 599), st.text())
def test_every_refusal_is_one_line_without_the_key(status: int, message: str) -> None:
    error = failure(ENDPOINT, "m-1", Refusal(status, {}, frozenset(), f"{message} sk-canary\n{message}"))

    assert "\n" not in error.detail
    assert "sk-canary" not in error.detail
    assert len(error.detail) < 500


def test_a_long_message_is_shortened() -> None:
    assert len(quote(ENDPOINT, "x" * 10_000)) == 300


def test_an_empty_message_is_said_to_be_empty() -> None:
    assert quote(ENDPOINT, " \n") == "it said nothing"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-4"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_spelling(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    then = datetime.now(UTC) + timedelta(seconds=100)

    assert retry_after({"retry-after": format_datetime(then, usegmt=True)}) == pytest.approx(100, abs=5)


@given(st.text())
def test_no_retry_after_makes_the_reader_raise(value: str) -> None:
    found = retry_after({"retry-after": value})

    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("cause", "kind", "usage"),
    [
        (aiohttp.ConnectionTimeoutError("slow"), Unreachable, Usage()),
        (aiohttp.ServerDisconnectedError("gone"), Unreachable, None),
        (aiohttp.SocketTimeoutError("slow"), TimedOut, None),
        (httpx2.ConnectError("no"), Unreachable, Usage()),
        (httpx2.ReadTimeout("slow"), TimedOut, None),
        (httpx2.ReadError("gone"), Unreachable, None),
    ],
)
def test_a_broken_connection_is_told_by_what_broke_it(
    cause: Exception, kind: type[CallFailed], usage: Usage | None
) -> None:
    """openai's transport calls every aiohttp error a connect timeout, so the wrapping says nothing."""
    wrapped = httpx2.ConnectTimeout("wrapped") if isinstance(cause, aiohttp.ClientError) else RuntimeError("wrapped")
    wrapped.__cause__ = cause
    error = broken(ENDPOINT, wrapped)

    assert (kind, usage) == (type(error), error.said.usage)
