"""Bodies: read whole before any route, in time, up to a size, and only of the kind that routes read."""

import asyncio
import re

import numpy as np
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autointerp.api.gate.access import Limits
from autointerp.api.problems import problem_of
from autointerp.errors import AutointerpError, InvalidInput, TooLarge, TooSlow, WrongMedia

JSON = "application/json"
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


class Bodies:
    """Gives the application bodies that are whole and within the limits."""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(headers := Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(headers, receive)
            if body:
                self._check(headers, body)
        except AutointerpError as error:
            # The rest of the body is not waited for.
            await problem_of(error, scope["path"], {"Connection": "close"})(scope, receive, send)
            return
        if body is not None:  # None: the caller is gone
            await self._app(scope, _replaying(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        most = self._limits.body
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise _too_large(most)
        found = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    found += message.get("body", b"")
                    if len(found) > most:
                        raise _too_large(most)
                    if not message.get("more_body", False):
                        return bytes(found)
        except TimeoutError as error:
            raise TooSlow(f"the body did not arrive within {self._limits.seconds:g} s; send it again") from error

    def _check(self, headers: Headers, body: bytes) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != JSON:
            raise WrongMedia(f"the body is {kind[:100] or 'of no kind'}; send JSON, with Content-Type: {JSON}")
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(f"the body is not UTF-8 at byte {error.start}") from error
        if deeper_than(body, self._limits.depth):
            raise InvalidInput(f"the body is nested more than {self._limits.depth} deep")


def deeper_than(body: bytes, depth: int) -> bool:
    """Whether JSON is nested deeper than this; takes time in proportion to its length, whatever it holds."""
    if body.count(b"[") + body.count(b"{") <= depth:
        return False
    bare = np.frombuffer(_STRINGS.sub(b"", body), dtype=np.uint8)
    return bool(np.cumsum(_STEPS[bare], dtype=np.int64).max(initial=0) > depth)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is larger than the {most:,} bytes that this server takes")


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Give the body in one piece, and after it what comes then: that the caller has gone."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
