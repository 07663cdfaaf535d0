"""What the nouns of a client have in common."""

from urllib.parse import quote

from autointerp.client.connection import AsyncConnection, Connection


def part(value: object) -> str:
    """A value as one part of a path."""
    return quote(str(value), safe="")


class Resource:
    """A noun of the blocking client."""

    part = staticmethod(part)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class AsyncResource:
    """A noun of the asynchronous client."""

    part = staticmethod(part)

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
