"""The batch APIs of the test server: OpenAI's files and batches, Anthropic's message batches, with scripted faults.

The state outlives the server: serve the same `Batches` again, and what was handed in is still there.
"""

import asyncio
import email
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from autointerp.testing.behaviours import Behaviour
from autointerp.testing.wires import Seen, Wire, error

URL = "/v1/chat/completions"


class Fate(StrEnum):
    """What becomes of one request: `answered` as the server's behaviour says, or one of the ways to get no answer."""

    ANSWERED = "answered"
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch; `turn` counts the batches before that held the same request."""

    custom_id: str
    body: Mapping[str, Any]
    turn: int


@dataclass(slots=True)
class Made:
    """A batch as the server keeps it."""

    id: str
    wire: Wire
    items: list[Item]
    made_at: float
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    input_file: str | None = None
    refused: str | None = None
    cancelled_at: float | None = None
    results: list[dict[str, Any]] | None = None


def always_answered(item: Item) -> Fate:
    """Answer every request."""
    return Fate.ANSWERED


@dataclass
class Batches:
    """What the batch APIs do. Batches take `latency` seconds.

    `fate` says what becomes of each request. `create` answers the next posts that make a batch: each is awaited after
    the batch was made, and what it returns takes the place of the answer (None: nothing does). `refuse` names the code
    with which the next batches fail as a whole. `pause` is the time between two lines of results.
    """

    latency: float = 0.0
    pause: float = 0.0
    fate: Callable[[Item], Fate] = always_answered
    create: list[Callable[[], Awaitable[Response | None]]] = field(
        default_factory=list[Callable[[], Awaitable[Response | None]]]
    )
    refuse: list[str] = field(default_factory=list[str])
    made: list[Made] = field(default_factory=list[Made])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    lines_read: int = 0
    _numbers: Iterator[int] = field(default_factory=count)
    _turns: dict[str, int] = field(default_factory=dict[str, int])

    def routes(self, behaviour: Callable[[], Behaviour]) -> list[Route]:
        """The routes of both wires; `behaviour` answers the requests."""
        apis: tuple[OpenAIRoutes | AnthropicRoutes, ...] = (
            OpenAIRoutes(self, behaviour),
            AnthropicRoutes(self, behaviour),
        )
        return [route for api in apis for route in api.routes()]

    def name(self, prefix: str) -> str:
        """A name that nothing else has."""
        return f"{prefix}_{next(self._numbers):04d}"

    def add(self, wire: Wire, lines: list[tuple[str, Mapping[str, Any]]], **about: Any) -> Made:
        """Make a batch."""
        items: list[Item] = []
        for custom_id, body in lines:
            spelled = json.dumps(body, sort_keys=True)
            items.append(Item(custom_id, body, self._turns.get(spelled, 0)))
            self._turns[spelled] = self._turns.get(spelled, 0) + 1
        refused = self.refuse.pop(0) if self.refuse else None
        batch = Made(self.name("batch"), wire, items, time.time(), refused=refused, **about)
        self.made.append(batch)
        return batch

    def find(self, batch_id: str) -> Made | None:
        """A batch by its name."""
        return next((batch for batch in self.made if batch.id == batch_id), None)

    def ended(self, batch: Made) -> bool:
        """Whether a batch is over."""
        return batch.cancelled_at is not None or time.time() >= batch.made_at + self.latency

    async def answer(self, batch: Made, behaviour: Behaviour, headers: Mapping[str, str]) -> list[dict[str, Any]]:
        """The results of a batch that has ended; a cancelled one answered nothing."""
        if batch.results is not None:
            return batch.results
        results: list[dict[str, Any]] = []
        for item in batch.items:
            fate = Fate.EXPIRED if batch.cancelled_at is not None else self.fate(item)
            if fate is not Fate.MISSING:
                results.append(await self._result(batch, item, fate, behaviour, headers))
        batch.results = batch.results or results
        return batch.results

    async def _result(
        self, batch: Made, item: Item, fate: Fate, behaviour: Behaviour, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        if fate is Fate.EXPIRED:
            return {"custom_id": item.custom_id, "expired": True, "cancelled": batch.cancelled_at is not None}
        path = URL if batch.wire is Wire.OPENAI else "/v1/messages"
        response = await behaviour(Seen(next(self._numbers), batch.wire, path, headers, item.body))
        content = bytes(response.body)
        try:
            body: Any = json.loads(content)
        except ValueError:
            body = content.decode()
        return {"custom_id": item.custom_id, "status": response.status_code, "body": body}

    async def stream(self, lines: list[dict[str, Any]]) -> AsyncGenerator[bytes]:
        """Send lines of JSON, with the pause in between."""
        for line in lines:
            yield json.dumps(line, ensure_ascii=False).encode() + b"\n"
            self.lines_read += 1
            if self.pause:
                await asyncio.sleep(self.pause)

    async def made_answer(self, shown: dict[str, Any]) -> Response:
        """Answer the post that made a batch, or fail as scripted although the batch was made."""
        instead = await self.create.pop(0)() if self.create else None
        return instead or JSONResponse(shown)


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
            return _refusal(request, Wire.OPENAI, 400, "invalid_file", "No such file.")
        lines = [json.loads(line) for line in file.split(b"\n") if line.strip()]
        if any(line["url"] != asked["endpoint"] for line in lines):
            return _refusal(request, Wire.OPENAI, 400, "mismatched_endpoint", "Another endpoint.")
        batch = self.batches.add(
            Wire.OPENAI,
            [(line["custom_id"], line["body"]) for line in lines],
            metadata=asked.get("metadata") or {},
            input_file=asked["input_file_id"],
        )
        return await self.batches.made_answer(await self._shown(batch, request))

    async def _list(self, request: Request) -> Response:
        return await _page(self.batches, Wire.OPENAI, request, "after", self._shown)

    async def _retrieve(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None:
            return _refusal(request, Wire.OPENAI, 404, "not_found", "No such batch.")
        return JSONResponse(await self._shown(batch, request))

    async def _cancel(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None or self.batches.ended(batch):
            return _refusal(request, Wire.OPENAI, 400, "invalid_state", "It cannot be cancelled.")
        batch.cancelled_at = time.time()
        return JSONResponse(await self._shown(batch, request))

    async def _content(self, request: Request) -> Response:
        name, _, kind = request.path_params["file"].partition("-")
        batch = self.batches.find(name)
        if batch is None:
            return _refusal(request, Wire.OPENAI, 404, "not_found", "No such file.")
        lines = [_openai_line(result) for result in await self._results(batch, request)]
        wanted = [line for line in lines if (line["error"] is None) == (kind == "output")]
        return StreamingResponse(self.batches.stream(wanted))

    async def _results(self, batch: Made, request: Request) -> list[dict[str, Any]]:
        return await self.batches.answer(batch, self.behaviour(), dict(request.headers))

    async def _shown(self, batch: Made, request: Request) -> dict[str, Any]:
        over = self.batches.ended(batch) and not batch.refused
        results = await self._results(batch, request) if over else []
        good = sum(_openai_line(result)["error"] is None for result in results)
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
        return await _page(self.batches, Wire.ANTHROPIC, request, "after_id", self._shown)

    async def _retrieve(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None:
            return _refusal(request, Wire.ANTHROPIC, 404, "not_found_error", "No such batch.")
        return JSONResponse(await self._shown(batch, request))

    async def _cancel(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None or self.batches.ended(batch):
            return _refusal(request, Wire.ANTHROPIC, 400, "invalid_request_error", "It cannot be canceled.")
        batch.cancelled_at = time.time()
        return JSONResponse(await self._shown(batch, request))

    async def _content(self, request: Request) -> Response:
        batch = self.batches.find(request.path_params["batch"])
        if batch is None:
            return _refusal(request, Wire.ANTHROPIC, 404, "not_found_error", "No such batch.")
        results = await self.batches.answer(batch, self.behaviour(), dict(request.headers))
        return StreamingResponse(self.batches.stream([_anthropic_line(result) for result in results]))

    async def _shown(self, batch: Made, request: Request) -> dict[str, Any]:
        over, made = self.batches.ended(batch), datetime.fromtimestamp(batch.made_at, UTC)
        results = await self.batches.answer(batch, self.behaviour(), dict(request.headers)) if over else []
        ends = [_anthropic_line(result)["result"]["type"] for result in results]
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


Show = Callable[[Made, Request], Awaitable[dict[str, Any]]]


async def _page(batches: Batches, wire: Wire, request: Request, cursor: str, show: Show) -> Response:
    """Two batches a page, newest first, so that every list of three shows whether the client turns the page."""
    mine = [batch for batch in reversed(batches.made) if batch.wire is wire]
    if after := request.query_params.get(cursor):
        mine = mine[[batch.id for batch in mine].index(after) + 1 :]
    shown = [await show(batch, request) for batch in mine[:2]]
    return JSONResponse({"object": "list", "data": shown, "has_more": len(mine) > 2})


def _openai_line(result: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {"id": f"req_{result['custom_id']}", "custom_id": result["custom_id"]}
    if result.get("expired"):
        code = "batch_cancelled" if result["cancelled"] else "batch_expired"
        return line | {"response": None, "error": {"code": code, "message": "Not done in time."}}
    response = {"status_code": result["status"], "request_id": "r", "body": result["body"]}
    fault = None if result["status"] == 200 else {"code": "request_failed", "message": "See the response."}
    return line | {"response": response, "error": fault}


def _anthropic_line(result: dict[str, Any]) -> dict[str, Any]:
    if result.get("expired"):
        ended: dict[str, Any] = {"type": "canceled" if result["cancelled"] else "expired"}
    elif result["status"] == 200:
        ended = {"type": "succeeded", "message": result["body"]}
    else:
        ended = {"type": "errored", "error": result["body"]}
    return {"custom_id": result["custom_id"], "result": ended}


def _refusal(request: Request, wire: Wire, status: int, code: str, message: str) -> Response:
    seen = Seen(0, wire, request.url.path, dict(request.headers), {})
    return JSONResponse(error(seen, status, code, message), status)
