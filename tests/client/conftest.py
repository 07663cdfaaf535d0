"""The API over a seeded database, by a real server, and the clients that ask it."""

from collections.abc import Generator

import pytest

from autointerp.client import Client
from autointerp.testing.server import listening
from tests.api.conftest import Library, Queue, app_over, library, seeded

__all__ = ["library", "seeded"]


@pytest.fixture(scope="session")
def url(library: Library) -> Generator[str]:
    """The address of a server over the library."""
    with listening(app_over(library.database, Queue())) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(url: str) -> Generator[Client]:
    """A blocking client of that server."""
    with Client(url) as client:
        yield client
