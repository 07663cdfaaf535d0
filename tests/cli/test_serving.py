"""What the web server does around the application."""

import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from autointerp.api.leaving import Leaving
from autointerp.cli.serving import serve_until_told


def test_requests_do_not_wait_for_the_collector_to_look_through_all_that_was_loaded() -> None:
    left_alone: list[int] = []

    async def application(
        scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        await receive()
        left_alone.append(gc.get_freeze_count())
        await send({"type": "lifespan.startup.failed", "message": "seen enough"})

    config = uvicorn.Config(application, port=0, lifespan="on", log_config=None)

    with pytest.raises(SystemExit):  # the application said that it cannot start
        serve_until_told(config, leaving=Leaving(lambda: None), notice=0)

    assert len(left_alone) == 1
    assert left_alone[0] > 10_000
