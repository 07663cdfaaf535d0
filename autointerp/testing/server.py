"""The test server: an ASGI app on a real port, in a thread of its own, gone when the block ends."""

import json
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from autointerp.errors import Unavailable
from autointerp.testing.batches.anthropic import AnthropicRoutes
from autointerp.testing.batches.openai import OpenAIRoutes
from autointerp.testing.batches.state import Batches
from autointerp.testing.behaviours import Behaviour, wrong_key
from autointerp.testing.wires import Seen, Wire

PATIENCE_SECONDS = 10.0


@dataclass(slots=True)
class TestServer:
    """A running server. `requests` are those let in so far, in order; `behaviour` may be changed between requests."""

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
            ],
            middleware=[Middleware(Guard, key=lambda: self.key)],
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
        return await self.behaviour(seen)


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets in only who has the server's key, whatever they ask for."""

    app: ASGIApp
    key: Callable[[], str | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it in the words of its wire."""
        request, key = Request(scope), self.key()
        path = request.url.path
        wire = Wire.ANTHROPIC if path.startswith("/v1/messages") else Wire.OPENAI
        seen = Seen(0, wire, path, dict(request.headers), {})
        answer = self.app if key is None or seen.key == key else await wrong_key()(seen)
        await answer(scope, receive, send)


@contextmanager
def serve(
    behaviour: Behaviour, *, key: str | None = None, batches: Batches | None = None, port: int = 0
) -> Generator[TestServer, None, None]:
    """Run a server on this port of this machine (0: a free one); with `key`, any other key is refused on all routes."""
    server = TestServer(behaviour, port, key, batches or Batches())
    with listening(server.app(), port) as port:
        server.port = port
        yield server


@contextmanager
def listening(app: Starlette, port: int = 0) -> Generator[int, None, None]:
    """Run any app in a thread on this port of this machine (0: a free one), and stop it when the block ends.

    Yields the port.
    """
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(("127.0.0.1", port))
        except OSError as error:
            raise Unavailable(f"the port {port} cannot be used ({error.strerror}); name another") from error
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
