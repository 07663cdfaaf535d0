"""Answers that a worker gives: at once where a request waits for it (RFC 7240), else at the address of its record."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Response
from starlette.concurrency import run_in_threadpool

from autointerp.api.problems import documented
from autointerp.errors import AutointerpError, InvalidInput, NotFound, Unavailable
from autointerp.runs import Desk, await_answer
from autointerp.storage.inquiries import InquiryRecord, InquiryState

Prefer = Annotated[
    str | None, Header(max_length=200, description="`wait=10` keeps the request open for so many seconds at most")
]
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)


def asked(shown: type[Any], *errors: type[AutointerpError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that asks a model; `shown` is the record that it answers with."""
    done = {"model": shown, "description": "The answer, which was there in time"}
    return {200: done, **documented(NotFound, *errors)}


async def answer(
    desk: Desk, response: Response, prefer: str | None, path: str, ask: Callable[[], InquiryRecord]
) -> InquiryRecord:
    """Ask, wait for as long as the request prefers, and set the status and the address of the record.

    InvalidInput when the worker refused the inquiry in that time, Unavailable when it failed.
    """
    record = await run_in_threadpool(ask)
    wait = _seconds(prefer)
    if wait is not None:
        record = await await_answer(desk, record, seconds=min(wait, desk.limits.wait))
        response.headers["Preference-Applied"] = f"wait={wait}"
    if record.state is InquiryState.REFUSED:
        raise InvalidInput(record.error)
    if record.state is InquiryState.FAILED:
        raise Unavailable(record.error)
    response.headers["Location"] = f"/v1/{path}/{record.id}"
    response.status_code = 200 if record.state is InquiryState.DONE else 202
    return record


def _seconds(prefer: str | None) -> int | None:
    """The seconds that a `Prefer` header asks to wait; what cannot be read is no preference."""
    found = WAIT.search(prefer or "")
    return None if found is None else int(found[1])
