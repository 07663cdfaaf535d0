"""What the batch APIs of both wires have in common: lists in pages, and refusals."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autointerp.testing.batches.state import Batches, Made
from autointerp.testing.wires import Seen, Wire, error

Show = Callable[[Made, Request], Awaitable[dict[str, Any]]]


async def page(batches: Batches, wire: Wire, request: Request, cursor: str, show: Show) -> Response:
    """Two batches a page, newest first, so that every list of three shows whether the client turns the page."""
    mine = [batch for batch in reversed(batches.made) if batch.wire is wire]
    if after := request.query_params.get(cursor):
        mine = mine[[batch.id for batch in mine].index(after) + 1 :]
    shown = [await show(batch, request) for batch in mine[:2]]
    return JSONResponse({"object": "list", "data": shown, "has_more": len(mine) > 2})


def refusal(request: Request, wire: Wire, status: int, code: str, message: str) -> Response:
    """Refuse as the wire does."""
    seen = Seen(0, wire, request.url.path, dict(request.headers), {})
    return JSONResponse(error(seen, status, code, message), status)
