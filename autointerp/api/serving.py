"""How uvicorn serves the application: patient with work, and not with callers who do not finish their sentence."""

import asyncio
from functools import partial
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from autointerp.api.problems import problem_of
from autointerp.errors import TooSlow

HEAD_BYTES = 32 << 10
KEEP_ALIVE = 20
SHUTDOWN = 10  # seconds that requests under way may take to finish


class Protocol(H11Protocol):
    """HTTP/1.1 that waits only so long for the head of a request, which uvicorn itself does for ever."""

    def __init__(self, config: uvicorn.Config, *args: Any, head_seconds: float, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._head_seconds = head_seconds
        self._overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting while a head is not whole, from its first byte on."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._overdue is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._overdue = self.loop.call_later(self._head_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        """Say why, and hang up; a caller who never said a word is hung up on without one."""
        self._overdue = None
        if self.transport.is_closing():
            return
        if self.conn.trailing_data[0] and self.conn.our_state is h11.IDLE:
            told = problem_of(TooSlow(f"the request did not begin within {self._head_seconds:g} s; send it again"), "/")
            head = h11.Response(status_code=told.status_code, headers=[*told.raw_headers, (b"connection", b"close")])
            for event in (head, h11.Data(data=bytes(told.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def config(app: FastAPI, *, host: str, port: int, log_level: str, seconds: float, trusts_proxy: bool) -> uvicorn.Config:
    """Return how to serve the application at an address; its log is that of the process, access lines are our own.

    The head of a request must arrive within `seconds`; `trusts_proxy` takes a proxy's word for who is calling.
    """
    options: dict[str, Any] = {"forwarded_allow_ips": "*"} if trusts_proxy else {}
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log_level.lower(),
        log_config=None,
        access_log=False,
        http=partial(Protocol, head_seconds=seconds),  # pyright: ignore[reportArgumentType]
        ws="none",
        server_header=False,
        proxy_headers=trusts_proxy,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN,
        **options,
    )
