"""Errors as problem documents (RFC 9457): one shape for every failure of the API."""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from autointerp.api.gate.headers import SECURE
from autointerp.errors import (
    AutointerpError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooLarge,
    TooMany,
    TooSlow,
    Unauthorised,
    Unavailable,
    WrongMedia,
)
from autointerp.observing.context import about, subject

MEDIA_TYPE = "application/problem+json"
LONGEST = 2_000  # what a request held may come back in a detail
log = logging.getLogger(__name__)


class FieldError(BaseModel):
    """One thing that is wrong with a request, and where."""

    field: str = Field(description="where in the request, such as `body.spec.tokens`")
    message: str


class Problem(BaseModel):
    """What went wrong, in the shape of RFC 9457."""

    type: str = Field(description="the kind of problem, the same for every occurrence")
    title: str = Field(description="the kind of problem in words")
    status: int
    detail: str = Field(description="one sentence about this occurrence, saying what to do")
    instance: str = Field(description="the path that was asked for")
    request_id: str | None = Field(default=None, description="the request's name in the log and in X-Request-ID")
    errors: list[FieldError] | None = Field(default=None, description="each wrong field, for an invalid request")


def install(app: FastAPI) -> None:
    """Render every failure of `app` as a problem document."""
    app.add_exception_handler(AutointerpError, _on_failure)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unexpected)


def documented(*errors: type[AutointerpError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: these failures, and those that every operation may have."""
    kinds = {kind.status: kind for kind in (InvalidInput, Unavailable, *errors)}
    examples = {status: _example(kind) for status, kind in sorted(kinds.items())}
    examples[500] = _unexpected("/v1/…")
    return {status: _response(problem) for status, problem in examples.items()}


_DETAILS: dict[type[AutointerpError], str] = {
    InvalidInput: "the request is invalid: query.limit: Input should be less than or equal to 500",
    NotFound: "there is no run '0192f3aa'; list them with GET /v1/runs",
    Conflict: "the run is complete; only a run that is under way can be cancelled",
    Unavailable: "the database is locked by another process; try again in a moment",
    Unauthorised: "this needs a key: send `Authorization: Bearer KEY`",
    Forbidden: "the key 4f2a90c1d3e7 has the scope read, and this needs run",
    TooMany: "the key 4f2a90c1d3e7 has used up its 600 requests a minute; ask again in 0.1 s",
    TooSlow: "the body did not arrive within 30 s; send it again",
    TooLarge: "the body is larger than the 4,194,304 bytes that this server takes",
    WrongMedia: "the body is text/plain; send JSON, with Content-Type: application/json",
}


def of_the_gate(*, public: bool, body: bool) -> dict[str, dict[str, Any]]:
    """The `responses` of whatever is refused before a route sees it, a parameter that it does not have among them."""
    kinds = [
        Forbidden,
        InvalidInput,
        *(() if public else (Unauthorised, TooMany)),
        *((TooSlow, TooLarge, WrongMedia) if body else ()),
    ]
    return {str(kind.status): _response(_example(kind)) for kind in kinds}


def problem_of(failure: AutointerpError, instance: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that tells a deliberate failure."""
    problem = Problem(
        type=problem_type(type(failure)),
        title=failure.title,
        status=failure.status,
        detail=_shortened(failure.detail),
        instance=instance,
    )
    return _send(problem, {**_headers(failure), **(headers or {})})


def _headers(failure: AutointerpError) -> dict[str, str]:
    if isinstance(failure, TooMany):
        return {"Retry-After": str(math.ceil(failure.wait))}
    if failure.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": "1"}
    return {"WWW-Authenticate": "Bearer"} if isinstance(failure, Unauthorised) else {}


def _example(kind: type[AutointerpError]) -> Problem:
    detail = _DETAILS.get(kind, kind.__doc__ or kind.title)
    return Problem(type=problem_type(kind), title=kind.title, status=kind.status, detail=detail, instance="/v1/…")


def _response(problem: Problem) -> dict[str, Any]:
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": problem.model_dump(exclude_none=True),
    }
    return {"description": problem.title, "content": {MEDIA_TYPE: content}}


def problem_type(kind: type[AutointerpError]) -> str:
    return _urn(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__))


def _urn(title: str) -> str:
    return f"urn:autointerp:problem:{title.lower().replace(' ', '-')}"


def _send(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    named = problem.model_copy(update={"request_id": subject().get("request_id")})
    content = named.model_dump(exclude_none=True)
    return JSONResponse(content, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


async def _on_failure(request: Request, error: Exception) -> JSONResponse:
    return problem_of(cast(AutointerpError, error), request.url.path)


def _shortened(detail: str) -> str:
    return detail if len(detail) <= LONGEST else f"{detail[:LONGEST]}…"


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    errors = _field_errors(cast(RequestValidationError, error).errors())
    problem = Problem(
        type=problem_type(InvalidInput),
        title=InvalidInput.title,
        status=InvalidInput.status,
        detail=f"the request is invalid: {errors[0].field}: {errors[0].message}",
        instance=request.url.path,
        errors=errors,
    )
    return _send(problem)


def _field_errors(errors: Sequence[Any]) -> list[FieldError]:
    return [FieldError(field=_where(e["loc"]), message=e["msg"].removeprefix("Value error, ")) for e in errors]


def _where(location: Sequence[Any]) -> str:
    """The path of a field, without the names of validators that stand in it."""
    return ".".join(str(part) for part in location if "[" not in str(part))


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    failure = cast(HTTPException, error)
    if failure.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's word for JSON that cannot be read
        return problem_of(InvalidInput(f"the request cannot be read: {failure.detail}"), request.url.path)
    title = HTTPStatus(failure.status_code).phrase
    details = {
        404: f"there is nothing at {request.url.path}; the API is described at /docs",
        405: f"{request.method} is not allowed at {request.url.path}",
    }
    problem = Problem(
        type=_urn(title),
        title=title,
        status=failure.status_code,
        detail=details.get(failure.status_code, failure.detail),
        instance=request.url.path,
    )
    return _send(problem, dict(failure.headers or {}))


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    """This answer passes no middleware any more, so it is named here, and gets the headers that others have."""
    name = getattr(request.state, "request_id", None)
    with about(request_id=name):
        log.error("unexpected failure at %s %s", request.method, request.url.path, exc_info=error)
        named = {} if name is None else {"X-Request-ID": name}
        return _send(_unexpected(request.url.path), {**SECURE, **named})


def _unexpected(instance: str) -> Problem:
    return Problem(
        type=_urn("internal server error"),
        title="Internal server error",
        status=500,
        detail="something failed that should not have; the server's log has the details",
        instance=instance,
    )
