"""Following a run: server-sent events that say how far it is, until it has ended."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse

from autointerp.api.parts import AtBroadcast, Watched
from autointerp.api.problems import documented
from autointerp.api.schemas.runs import RunEvent
from autointerp.errors import NotFound
from autointerp.hashing import digest

PROGRESS = "progress"
END = "end"
RETRY = 2_000  # milliseconds after which a client whose connection broke asks again
SPEEDS = ("features_per_second", "requests_per_second", "seconds_left")
EXAMPLE = "retry: 2000\n\nid: 4f7c2b1d9e60\nevent: progress\ndata: {…, as in GET /v1/runs/{id}}\n\n: no news\n\n"

router = APIRouter(prefix="/runs", tags=["runs"])


class EventStream(StreamingResponse):
    """A stream of events, which nothing on its way may keep or wait for the end of."""

    media_type = "text/event-stream"


@router.get(
    "/{run_id}/events",
    response_class=EventStream,
    responses={
        200: {"content": {"text/event-stream": {"example": EXAMPLE}}},
        204: {"description": "The end was told already, so there is no more to come"},
        **documented(NotFound),
    },
)
async def follow_run(
    looks: Watched,
    broadcast: AtBroadcast,
    run_id: str,
    last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=100, description="the id heard last")] = None,
) -> Response:
    """Follow a run by server-sent events: `progress` at each change, and `end` when it has ended.

    The data is that of `RunEvent`: state and progress as `GET /v1/runs/{id}` shows them. A paused run has not ended.
    """
    event = await asyncio.to_thread(looks.event, run_id)
    if event.state.ended and last == name_of(event):
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_told(broadcast.follow(run_id), last), headers=headers)


async def _told(events: AsyncGenerator[RunEvent | None], last: str | None) -> AsyncGenerator[str]:
    yield f"retry: {RETRY}\n\n"
    async with aclosing(events):
        async for event in events:
            if event is None:
                yield ": no news\n\n"
            elif (name := name_of(event)) != last:
                last = name
                kind = END if event.state.ended else PROGRESS
                yield f"id: {name}\nevent: {kind}\ndata: {event.model_dump_json()}\n\n"


def name_of(event: RunEvent) -> str:
    """Name an event by what it tells, whatever the speed; the same in every process."""
    still = event.model_dump(mode="json", exclude={"progress": set(SPEEDS)})
    return digest(still)[:12]
