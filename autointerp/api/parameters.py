"""Query parameters that an operation does not have are refused: a misspelt filter would let everything pass."""

import asyncio

from fastapi import FastAPI, Request

from autointerp.api.gate import scopes
from autointerp.errors import InvalidInput


async def refuse_unknown(request: Request) -> None:
    """InvalidInput when the request has a query parameter that its operation does not know."""
    if not request.query_params:
        return
    route = scopes.find(request.method, request.scope["path"])
    if route is None:
        return
    if request.app.openapi_schema is None:  # written at the first such request, which takes a moment
        await asyncio.to_thread(request.app.openapi)
    method = "get" if request.method == "HEAD" else request.method.lower()
    known = _known(request.app, method, route.template)
    for name in request.query_params:
        if name not in known:
            those = f"those here are {', '.join(known)}" if known else "this operation has none"
            raise InvalidInput(f"there is no query parameter {name!r}; {those}")


def _known(app: FastAPI, method: str, template: str) -> tuple[str, ...]:
    operation = app.openapi()["paths"][template][method]
    return tuple(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
