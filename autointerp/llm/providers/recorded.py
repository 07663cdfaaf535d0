"""Replays recorded exchanges, by the digest of the request, and says which one is missing."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from autointerp.domain.calls import Complete, Reply, Request
from autointerp.errors import InvalidInput
from autointerp.llm.base import Endpoint, NotRecorded
from autointerp.llm.prices import FREE, Tariff


class Exchange(BaseModel):
    """One line of a recording. The request's endpoint, model and last words are there for the reader of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    key: str
    endpoint: str
    model: str
    asked: str
    reply: Reply


class Config(BaseModel):
    """`path` is a file of recorded exchanges, one JSON object a line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path

    def build(self, endpoint: Endpoint) -> "Recorded":
        """Read the recording."""
        return Recorded(self.path, read(self.path))

    def tariff(self, endpoint: Endpoint) -> Tariff:
        """It costs nothing."""
        return FREE


@dataclass(frozen=True, slots=True)
class Recorded:
    """Answers with what was recorded for the same request."""

    path: Path
    replies: dict[str, Reply]

    async def complete(self, request: Request) -> Reply:
        """Return the recorded reply; NotRecorded when there is none."""
        reply = self.replies.get(request.key)
        if reply is None:
            raise NotRecorded(
                f"{self.path} holds no reply of {request.endpoint}/{request.model} to request {request.key}; "
                "record it first"
            )
        return reply

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass(slots=True)
class Recorder:
    """Hands requests on and appends each exchange to a file that `recorded` replays."""

    inner: Complete
    path: Path
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def complete(self, request: Request) -> Reply:
        """Answer the request and write the exchange down."""
        reply = await self.inner.complete(request)
        exchange = Exchange(
            key=request.key,
            endpoint=request.endpoint,
            model=request.model,
            asked=request.messages[-1].text[:200] if request.messages else "",
            reply=reply,
        )
        async with self._turn:
            await asyncio.to_thread(_append, self.path, exchange.model_dump_json())
        return reply


def read(path: Path) -> dict[str, Reply]:
    """Read a recording; the first exchange of a request counts."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise InvalidInput(f"the recording {path} cannot be read: {error.strerror}") from error
    replies: dict[str, Reply] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            exchange = _exchange(path, number, line)
            replies.setdefault(exchange.key, exchange.reply)
    return replies


def _exchange(path: Path, number: int, line: str) -> Exchange:
    try:
        return Exchange.model_validate_json(line)
    except ValidationError as error:
        raise InvalidInput(f"line {number} of the recording {path} is no exchange; record it again") from error


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")
