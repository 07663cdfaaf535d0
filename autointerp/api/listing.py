"""Lists that come in pages of JSON, or whole as a stream."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Response

from autointerp.api import fields, streams
from autointerp.api.formats import Format, Wanted
from autointerp.api.paging import Page, Paged, Paging
from autointerp.api.schemas.base import Shown
from autointerp.errors import InvalidInput
from autointerp.storage.engine import Database, ReadSession

BATCH = 1_000  # rows that a stream reads at a time
Row = TypeVar("Row")
Key = TypeVar("Key", int, str)


@dataclass(frozen=True, slots=True)
class Listing:
    """How a list was asked for: its page, or its format."""

    paging: Paging
    kind: Format

    def by_number(
        self,
        database: Database,
        read: Callable[[ReadSession, int | None, int], Sequence[Row]],
        *,
        key: Callable[[Row], int],
        record: type[Shown],
        show: Callable[[Row], Shown],
    ) -> Page[Any] | Response:
        """Answer with the rows that `read` gives after a number, and at most how many."""
        if self.kind is Format.JSON:
            with database.read() as session:
                rows = read(session, self.paging.after_number(), self.paging.limit + 1)
            return self.paging.page(rows, key=key, show=show)
        return self._stream(database, read, key, record, show)

    def by_text(
        self,
        database: Database,
        read: Callable[[ReadSession, str | None, int], Sequence[Row]],
        *,
        key: Callable[[Row], str],
        record: type[Shown],
        show: Callable[[Row], Shown],
    ) -> Page[Any] | Response:
        """Answer with the rows that `read` gives after a text, and at most how many."""
        if self.kind is Format.JSON:
            with database.read() as session:
                rows = read(session, self.paging.after_text(), self.paging.limit + 1)
            return self.paging.page(rows, key=key, show=show)
        return self._stream(database, read, key, record, show)

    def _stream(
        self,
        database: Database,
        read: Callable[[ReadSession, Key | None, int], Sequence[Row]],
        key: Callable[[Row], Key],
        record: type[Shown],
        show: Callable[[Row], Shown],
    ) -> Response:
        parameters = self.paging.request.query_params
        if "limit" in parameters or "cursor" in parameters:
            raise InvalidInput("a stream holds every row; leave out limit and cursor, or ask for pages of JSON")
        names = fields.chosen(parameters.get("fields"), record)

        def batch(after: Key | None) -> Sequence[Row]:
            with database.read() as session:
                return read(session, after, BATCH)

        def batches(first: Sequence[Row]) -> Iterator[list[Shown]]:
            rows = first
            while rows:
                yield [show(row) for row in rows]
                rows = batch(key(rows[-1])) if len(rows) == BATCH else ()

        # The first batch is read before the answer begins, so that what is wrong with the request is still told by
        # a status.
        return streams.answer(self.kind, record, batches(batch(None)), names)


def _listing(paging: Paged, kind: Wanted) -> Listing:
    return Listing(paging=paging, kind=kind)


Listed = Annotated[Listing, Depends(_listing)]
