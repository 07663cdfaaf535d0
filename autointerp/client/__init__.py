"""A typed client of the REST API, blocking and asynchronous; its methods are those of the OpenAPI document.

from autointerp.client import Client

with Client("http://127.0.0.1:8000") as client:
    run = client.runs.create({"harvest": "0192f3aa7c51", "explainers": ["default"], "llm": "openai/gpt-6-luna"})
    client.runs.wait(run.id, on_progress=lambda page: print(page.progress.done))
    client.scores.list(run_id=run.id).frame()
"""

from typing import Any

from autointerp.client.async_resources import AsyncResources
from autointerp.client.calls import UnexpectedAnswer
from autointerp.client.connection import ATTEMPTS, AsyncConnection, Connection
from autointerp.client.frames import frame
from autointerp.client.pages import AsyncPages, Pages
from autointerp.client.resources import Resources

__all__ = ["AsyncClient", "AsyncPages", "Client", "Pages", "UnexpectedAnswer", "frame"]

LOCAL = "http://127.0.0.1:8000"
TIMEOUT = 60.0  # seconds


class Client(Resources, Connection):
    """The blocking client: `client.features.list(sae_id=1)`.

    `key` is an API key, where the server asks for one. A refused call raises the failure that the server tells of
    (`autointerp.errors`). `attempts` is how often a call that may be repeated is made while the server is busy.
    """

    def __init__(
        self,
        base_url: str = LOCAL,
        *,
        key: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
        transport: Any = None,
    ) -> None:
        Connection.__init__(self, base_url, key=key, timeout=timeout, attempts=attempts, transport=transport)
        Resources.__init__(self, self)


class AsyncClient(AsyncResources, AsyncConnection):
    """The same for event loops: `await client.runs.get(id)`, `async for feature in client.features.list(sae_id=1)`."""

    def __init__(
        self,
        base_url: str = LOCAL,
        *,
        key: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
        transport: Any = None,
    ) -> None:
        AsyncConnection.__init__(self, base_url, key=key, timeout=timeout, attempts=attempts, transport=transport)
        AsyncResources.__init__(self, self)
