"""Making calls: one connection that blocks and one for event loops, which go about failures in the same way.

A call that may be made twice is made again while the server says that something is missing for a moment (503), or
cannot be reached.
"""

from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
import stamina
from pydantic import BaseModel

from autointerp.client.calls import Call, address, unreachable
from autointerp.errors import Unavailable

M = TypeVar("M", bound=BaseModel)
ATTEMPTS = 5
WAIT = 0.2  # seconds before the second attempt; then twice as long each time


class Connection:
    """One server, blocking."""

    def __init__(self, base_url: str, *, key: str | None, timeout: float, attempts: int, transport: Any) -> None:
        self.base_url = address(base_url)
        self._attempts = attempts
        self._http = httpx2.Client(
            base_url=self.base_url, headers=_headers(key), timeout=timeout, transport=transport, follow_redirects=False
        )

    def make(self, call: Call[M]) -> M:
        """Make the call and read its answer."""
        for attempt in stamina.retry_context(on=Unavailable, attempts=_most(call, self._attempts), wait_initial=WAIT):
            with attempt:
                try:
                    response = self._http.send(call.request(self._http))
                except httpx2.TransportError as error:
                    raise unreachable(self.base_url, error) from error
                return call.read(response)
        raise AssertionError("stamina ends with an answer or an error")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncConnection:
    """One server, for event loops."""

    def __init__(self, base_url: str, *, key: str | None, timeout: float, attempts: int, transport: Any) -> None:
        self.base_url = address(base_url)
        self._attempts = attempts
        self._http = httpx2.AsyncClient(
            base_url=self.base_url, headers=_headers(key), timeout=timeout, transport=transport, follow_redirects=False
        )

    async def make(self, call: Call[M]) -> M:
        """Make the call and read its answer."""
        attempts = stamina.retry_context(on=Unavailable, attempts=_most(call, self._attempts), wait_initial=WAIT)
        async for attempt in attempts:
            with attempt:
                try:
                    response = await self._http.send(call.request(self._http))
                except httpx2.TransportError as error:
                    raise unreachable(self.base_url, error) from error
                return call.read(response)
        raise AssertionError("stamina ends with an answer or an error")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _headers(key: str | None) -> dict[str, str]:
    return {"Accept": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})


def _most(call: Call[Any], attempts: int) -> int:
    return attempts if call.safe else 1
