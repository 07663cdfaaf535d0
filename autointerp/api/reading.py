"""The routes that are read from: each takes `fields`, and sends nothing to a client that has the answer already."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response
from fastapi.routing import APIRoute

from autointerp.api import caching, fields

JSON = "application/json"
HEADERS = {
    "ETag": {"description": "of this content, weak", "schema": {"type": "string"}},
    "Cache-Control": {"description": "how long the answer may be used without asking", "schema": {"type": "string"}},
}


def _parameters(
    fields: Annotated[
        str | None, Query(max_length=2_000, description="only these fields of each record, divided by commas")
    ] = None,
    if_none_match: Annotated[
        str | None, Header(description="the ETag of an answer that you have; 304 if it is still this one")
    ] = None,
) -> None:
    """What every such route takes; `Reading` itself reads it."""


Parameters = Depends(_parameters)


class Reading(APIRoute):
    """A route whose GET answers are cut down to the fields asked for and tagged."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if options.get("methods") == {"GET"} or options.get("methods") == ["GET"]:
            dependencies = [one for one in options.get("dependencies") or () if one is not Parameters]
            options["dependencies"] = [*dependencies, Parameters]
            options["responses"] = _documented(options.get("responses") or {})
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, whose answer is cut and tagged where it is JSON."""
        handler = super().get_route_handler()
        model = self.response_model
        if self.methods != {"GET"} or not isinstance(model, type):
            return handler
        record = fields.record_of(model)

        async def answer(request: Request) -> Response:
            names = fields.chosen(request.query_params.get("fields"), record)
            response = await handler(request)
            if response.status_code != 200 or response.headers.get("content-type") != JSON:
                return response
            if names is not None:
                body = fields.cut(bytes(response.body), names, rows=record is not model)
                response = _with_body(response, body)
            return _tagged(request, response)

        return answer


def _documented(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    ok = {**responses.get(200, {}), "headers": HEADERS}
    return {**responses, 200: ok, 304: {"description": "The answer with the ETag in If-None-Match is still this one."}}


def _tagged(request: Request, response: Response) -> Response:
    tag = caching.tag_of(bytes(response.body))
    response.headers["ETag"] = tag
    response.headers.setdefault("Cache-Control", caching.ASKED)
    if caching.matches(request.headers.get("if-none-match"), tag):
        kept = {name: value for name, value in response.headers.items() if name in ("etag", "cache-control", "vary")}
        return Response(status_code=304, headers=kept)
    return response


def _with_body(response: Response, body: bytes) -> Response:
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(body, status_code=response.status_code, headers=headers, media_type=JSON)
