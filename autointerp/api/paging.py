"""Cursor pagination: an opaque cursor says after which row, and of which list, the next page starts."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from autointerp.errors import InvalidInput
from autointerp.hashing import digest

LIMIT = 50
MOST = 500
NOT_FILTERS = ("cursor", "limit", "fields", "format")
T = TypeVar("T")
Row = TypeVar("Row")


class Page(BaseModel, Generic[T]):
    """Some rows of a list; `next` is the cursor of the page after it, null on the last one."""

    items: list[T]
    next: str | None = Field(description="pass it as `cursor` to read on; null: this is the last page")


@dataclass(frozen=True, slots=True)
class Paging:
    """Where to read on and how far, with the request and the response that a `Link` header belongs to."""

    limit: int
    cursor: str | None
    request: Request
    response: Response

    def after_number(self) -> int | None:
        """The numeric key of the row that the last page ended with; None: start from the beginning."""
        after = self._after()
        if after is None or (type(after) is int and 0 <= after < 2**63):
            return after
        raise bad_cursor()

    def after_text(self) -> str | None:
        """The textual key of the row that the last page ended with; None: start from the beginning."""
        after = self._after()
        if after is not None and not isinstance(after, str):
            raise bad_cursor()
        return after

    def page(self, rows: Sequence[Row], key: Callable[[Row], int | str], show: Callable[[Row], T]) -> Page[T]:
        """Make a page of up to `limit` rows; one more was asked for, which tells whether there is a next page."""
        shown = rows[: self.limit]
        following = self._cursor_after(key(shown[-1])) if len(rows) > self.limit else None
        if following is not None:
            url = self.request.url.include_query_params(cursor=following)
            self.response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return Page(items=[show(row) for row in shown], next=following)

    def _after(self) -> Any:
        if self.cursor is None:
            return None
        try:
            content = json.loads(base64.b64decode(self.cursor + "=" * (-len(self.cursor) % 4), b"-_", validate=True))
            after, of = content["after"], content["of"]
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            raise bad_cursor() from error
        if of != self._list():
            raise InvalidInput("this cursor belongs to another list or other filters; start again without a cursor")
        return after

    def _cursor_after(self, after: int | str) -> str:
        content = json.dumps({"after": after, "of": self._list()}, separators=(",", ":"))
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    def _list(self) -> str:
        """Which list this is: its path and filters, so that a cursor cannot be used with others."""
        filters = sorted((k, v) for k, v in self.request.query_params.multi_items() if k not in NOT_FILTERS)
        return digest([self.request.url.path, filters])[:12]


def bad_cursor() -> InvalidInput:
    """What a cursor that we did not make is answered with."""
    return InvalidInput("the cursor cannot be read; pass `next` of the last page as it came, or none")


def _paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MOST, description="rows on a page")] = LIMIT,
    cursor: Annotated[str | None, Query(description="`next` of the last page")] = None,
) -> Paging:
    return Paging(limit=limit, cursor=cursor, request=request, response=response)


Paged = Annotated[Paging, Depends(_paging)]
