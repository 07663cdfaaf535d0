"""The test server: an ASGI app on a real port, in a thread of its own, gone when the block ends."""

import json
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autointerp.errors import Unavailable
from autointerp.testing.batches.anthropic import AnthropicRoutes
from autointerp.testing.batches.openai import OpenAIRoutes
from autointerp.testing.batches.state import Batches
from autointerp.testing.behaviours import Behaviour, wrong_key
from autointerp.testing.wires import Seen, Wire

PATIENCE_SECONDS = 10.0


@dataclass(slots=True)
class TestServer:
    """A running server. `requests` are those seen so far, in order; `behaviour` may be changed between requests."""

    __test__ = False  # for pytest: this is no test case

    behaviour: Behaviour
    port: int
    key: str | None = None
    batches: Batches = field(default_factory=Batches)
    requests: list[Seen] = field(default_factory=list[Seen])

    @property
    def url(self) -> str:
        """The address for an Anthropic endpoint's `base_url`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """The address for an OpenAI endpoint's `base_url`."""
        return f"{self.url}/v1"

    def app(self) -> Starlette:
        """The ASGI app."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/completions", self._chat, methods=["POST"]),
                Route("/v1/decisions", self._chat, methods=["POST"]),
                Route("/v1/systemone", self._chat, methods=["POST"]),
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/models", self._models),
                *OpenAIRoutes(self.batches, self._behaves).routes(),
                *AnthropicRoutes(self.batches, self._behaves).routes(),
            ]
        )

    def _behaves(self) -> Behaviour:
        return self.behaviour

    async def _chat(self, request: Request) -> Response:
        return await self._answer(Wire.OPENAI, request)

    async def _messages(self, request: Request) -> Response:
        return await self._answer(Wire.ANTHROPIC, request)

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "honest", "object": "model", "type": "model"}]})

    async def _answer(self, wire: Wire, request: Request) -> Response:
        body: dict[str, Any] = json.loads(await request.body())
        seen = Seen(len(self.requests), wire, request.url.path, dict(request.headers), body)
        self.requests.append(seen)
        if self.key is not None and seen.key != self.key:
            return await wrong_key()(seen)
        return await self.behaviour(seen)


@contextmanager
def serve(
    behaviour: Behaviour, *, key: str | None = None, batches: Batches | None = None
) -> Generator[TestServer, None, None]:
    """Run a server on a free port of this machine; with `key`, any other key is refused (but for batches)."""
    server = TestServer(behaviour, 0, key, batches or Batches())
    with listening(server.app()) as port:
        server.port = port
        yield server


@contextmanager
def listening(app: Starlette) -> Generator[int, None, None]:
    """Run any app in a thread on a free port of this machine, and stop it when the block ends; yields the port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(1024)
        config = uvicorn.Config(
            app, ws="none", lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=0
        )
        engine = uvicorn.Server(config)
        thread = threading.Thread(target=engine.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            _await_start(engine, thread)
            yield int(bound.getsockname()[1])
        finally:
            engine.should_exit = True
            thread.join(PATIENCE_SECONDS)


def _await_start(engine: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not engine.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise Unavailable("the test server did not start; look for what else is wrong with this machine")
        time.sleep(0.005)
