"""Anthropic's batch API as the test server has it: message batches."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from autointerp.testing.batches.pages import page, refusal
from autointerp.testing.batches.state import Batches, Made
from autointerp.testing.behaviours import Behaviour
from autointerp.testing.wires import Wire


@dataclass(frozen=True, slots=True)
class AnthropicRoutes:
    """`/v1/messages/batches`."""

    batches: Batches
    behaviour: Callable[[], Behaviour]

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/v1/messages/batches", self._create, methods=["POST"]),
            Route("/v1/messages/batches", self._list),
            Route("/v1/messages/batches/{batch}", self._retrieve),
            Route("/v1/messages/batches/{batch}/cancel", self._cancel, methods=["POST"]),
            Route("/v1/messages/batches/{batch}/results", self._content),
        ]

    async def _create(self, request: Request) -> Response:
        asked = await request.json()
        batch = self.batches.add(Wire.ANTHROPIC, [(one["custom_id"], one["params"]) for one in asked["requests"]])
        return await self.batches.made_answer(await self._shown(batch, request))

    async def _list(self, request: Request) -> Response:
        return await page(self.batches, Wire.ANTHROPIC, request, "after_id", self._shown)

    async def _retrieve(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None:
            return refusal(request, Wire.ANTHROPIC, 404, "not_found_error", "No such batch.")
        return JSONResponse(await self._shown(batch, request))

    async def _cancel(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None or self.batches.ended(batch):
            return refusal(request, Wire.ANTHROPIC, 400, "invalid_request_error", "It cannot be canceled.")
        batch.cancelled_at = time.time()
        return JSONResponse(await self._shown(batch, request))

    async def _content(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None:
            return refusal(request, Wire.ANTHROPIC, 404, "not_found_error", "No such batch.")
        results = await self.batches.answer(batch, self.behaviour(), dict(request.headers))
        return StreamingResponse(self.batches.stream([_line(result) for result in results]))

    async def _shown(self, batch: Made, request: Request) -> dict[str, Any]:
        over, made = self.batches.ended(batch), datetime.fromtimestamp(batch.made_at, UTC)
        results = await self.batches.answer(batch, self.behaviour(), dict(request.headers)) if over else []
        ends = [_line(result)["result"]["type"] for result in results]
        kinds = ("succeeded", "errored", "canceled", "expired")
        counts = {"processing": 0 if over else len(batch.items)} | {kind: ends.count(kind) for kind in kinds}
        counts["expired"] += len(batch.items) - len(results) if over else 0
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if over else "in_progress",
            "created_at": made.isoformat(),
            "expires_at": (made + timedelta(days=1)).isoformat(),
            "request_counts": counts,
            "results_url": "http://169.254.169.254/results" if over else None,
        }


def _line(result: dict[str, Any]) -> dict[str, Any]:
    if result.get("expired"):
        ended: dict[str, Any] = {"type": "canceled" if result["cancelled"] else "expired"}
    elif result["status"] == 200:
        ended = {"type": "succeeded", "message": result["body"]}
    else:
        ended = {"type": "errored", "error": result["body"]}
    return {"custom_id": result["custom_id"], "result": ended}
