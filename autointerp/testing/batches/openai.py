"""OpenAI's batch API as the test server has it: files and batches."""

import email
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from autointerp.testing.batches.pages import page, refusal
from autointerp.testing.batches.state import URL, Batches, Made
from autointerp.testing.behaviours import Behaviour
from autointerp.testing.wires import Wire


@dataclass(frozen=True, slots=True)
class OpenAIRoutes:
    """`/v1/files` and `/v1/batches`."""

    batches: Batches
    behaviour: Callable[[], Behaviour]

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{file}", self._delete, methods=["DELETE"]),
            Route("/v1/files/{file}/content", self._content),
            Route("/v1/batches", self._create, methods=["POST"]),
            Route("/v1/batches", self._list),
            Route("/v1/batches/{batch}", self._retrieve),
            Route("/v1/batches/{batch}/cancel", self._cancel, methods=["POST"]),
        ]

    async def _upload(self, request: Request) -> Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts: Any = email.message_from_bytes(head + await request.body()).get_payload()
        [content] = [part.get_payload(decode=True) for part in parts if part.get_filename()]
        name = self.batches.name("file")
        self.batches.files[name] = content
        return JSONResponse({"id": name, "object": "file", "bytes": len(content), "purpose": "batch"})

    async def _delete(self, request: Request) -> Response:
        self.batches.files.pop(request.path_params["file"], None)
        return JSONResponse({"id": request.path_params["file"], "object": "file", "deleted": True})

    async def _create(self, request: Request) -> Response:
        asked = await request.json()
        file = self.batches.files.get(asked["input_file_id"])
        if file is None:
            return refusal(request, Wire.OPENAI, 400, "invalid_file", "No such file.")
        lines = [json.loads(line) for line in file.split(b"\n") if line.strip()]
        if any(line["url"] != asked["endpoint"] for line in lines):
            return refusal(request, Wire.OPENAI, 400, "mismatched_endpoint", "Another endpoint.")
        batch = self.batches.add(
            Wire.OPENAI,
            [(line["custom_id"], line["body"]) for line in lines],
            metadata=asked.get("metadata") or {},
            input_file=asked["input_file_id"],
        )
        return await self.batches.made_answer(await self._shown(batch, request))

    async def _list(self, request: Request) -> Response:
        return await page(self.batches, Wire.OPENAI, request, "after", self._shown)

    async def _retrieve(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None:
            return refusal(request, Wire.OPENAI, 404, "not_found", "No such batch.")
        return JSONResponse(await self._shown(batch, request))

    async def _cancel(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None or self.batches.ended(batch):
            return refusal(request, Wire.OPENAI, 400, "invalid_state", "It cannot be cancelled.")
        batch.cancelled_at = time.time()
        return JSONResponse(await self._shown(batch, request))

    async def _content(self, request: Request) -> Response:
        name, _, kind = request.path_params["file"].partition("-")
        batch = self.batches.find(name)
        if batch is None:
            return refusal(request, Wire.OPENAI, 404, "not_found", "No such file.")
        lines = [_line(result) for result in await self._results(batch, request)]
        wanted = [line for line in lines if (line["error"] is None) == (kind == "output")]
        return StreamingResponse(self.batches.stream(wanted))

    async def _results(self, batch: Made, request: Request) -> list[dict[str, Any]]:
        return await self.batches.answer(batch, self.behaviour(), dict(request.headers))

    async def _shown(self, batch: Made, request: Request) -> dict[str, Any]:
        over = self.batches.ended(batch) and not batch.refused
        results = await self._results(batch, request) if over else []
        good = sum(_line(result)["error"] is None for result in results)
        status = "cancelled" if batch.cancelled_at else "expired" if over and good < len(results) else "completed"
        fault = {"code": batch.refused, "message": f"refused: {batch.refused}", "line": None, "param": None}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": URL,
            "completion_window": "24h",
            "created_at": int(batch.made_at),
            "input_file_id": batch.input_file,
            "status": "failed" if batch.refused else status if over else "in_progress",
            "errors": {"object": "list", "data": [fault]} if batch.refused else None,
            "output_file_id": f"{batch.id}-output" if good else None,
            "error_file_id": f"{batch.id}-error" if good < len(results) else None,
            "request_counts": {"total": len(batch.items), "completed": good, "failed": len(results) - good},
            "metadata": dict(batch.metadata),
        }


def _line(result: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {"id": f"req_{result['custom_id']}", "custom_id": result["custom_id"]}
    if result.get("expired"):
        code = "batch_cancelled" if result["cancelled"] else "batch_expired"
        return line | {"response": None, "error": {"code": code, "message": "Not done in time."}}
    response = {"status_code": result["status"], "request_id": "r", "body": result["body"]}
    fault = None if result["status"] == 200 else {"code": "request_failed", "message": "See the response."}
    return line | {"response": response, "error": fault}
