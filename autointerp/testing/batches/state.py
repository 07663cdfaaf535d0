"""The batches that the test server keeps, and what becomes of their requests.

The state outlives the server: serve the same `Batches` again, and what was handed in is still there.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any

from starlette.responses import JSONResponse, Response

from autointerp.testing.behaviours import Behaviour
from autointerp.testing.wires import Seen, Wire

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
