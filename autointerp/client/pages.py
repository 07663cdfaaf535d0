"""Lists of the API, read page by page as they are gone through."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

from autointerp.api.paging import Page
from autointerp.client.calls import Call
from autointerp.client.connection import AsyncConnection, Connection
from autointerp.client.frames import frame

if TYPE_CHECKING:
    import pandas

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """A list that is fetched while it is gone through; going through it again fetches it again."""

    connection: Connection
    call: Call[Page[T]]

    def __iter__(self) -> Iterator[T]:
        call: Call[Page[T]] | None = self.call
        while call is not None:
            page = self.connection.make(call)
            yield from page.items
            call = _after(call, page)

    def first(self, count: int) -> list[T]:
        """The first `count` rows, or as many as there are."""
        return list(islice(self, count))

    def all(self) -> list[T]:
        """Every row."""
        return list(self)

    def frame(self) -> "pandas.DataFrame":
        """Every row as a pandas DataFrame, a column for each field."""
        return frame(self)


@dataclass(frozen=True, slots=True)
class AsyncPages(Generic[T]):
    """A list that is fetched while it is gone through; going through it again fetches it again."""

    connection: AsyncConnection
    call: Call[Page[T]]

    async def __aiter__(self) -> AsyncIterator[T]:
        call: Call[Page[T]] | None = self.call
        while call is not None:
            page = await self.connection.make(call)
            for row in page.items:
                yield row
            call = _after(call, page)

    async def first(self, count: int) -> list[T]:
        """The first `count` rows, or as many as there are."""
        rows: list[T] = []
        if count > 0:
            async for row in self:
                rows.append(row)
                if len(rows) == count:
                    break
        return rows

    async def all(self) -> list[T]:
        """Every row."""
        return [row async for row in self]

    async def frame(self) -> "pandas.DataFrame":
        """Every row as a pandas DataFrame, a column for each field."""
        return frame(await self.all())


def _after(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    return None if page.next is None else replace(call, query={**call.query, "cursor": page.next})
