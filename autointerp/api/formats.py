"""In which format a list is answered: pages of JSON, or every row as a stream of NDJSON or Parquet."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BaseModel


class Format(StrEnum):
    """How rows are sent."""

    JSON = "json"
    NDJSON = "ndjson"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """The media type, as in `Accept`."""
        return MEDIA_TYPES[self]


MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def negotiated(accept: str) -> Format:
    """Return the format that an `Accept` header likes best; JSON where it likes all alike, or none of them."""
    weights = {kind: _weight(accept, media_type) for kind, media_type in MEDIA_TYPES.items()}
    return max(Format, key=lambda kind: weights[kind])


def _weight(accept: str, media_type: str) -> float:
    """How much a media type is wanted, by the most specific range that it is in."""
    found: dict[int, float] = {}
    for part in accept.split(","):
        wanted, *parameters = (piece.strip().lower() for piece in part.split(";"))
        for specificity, name in enumerate(("*/*", f"{media_type.partition('/')[0]}/*", media_type)):
            if wanted == name:
                found[specificity] = _quality(parameters)
    return found[max(found)] if found else 0.0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _wanted(
    request: Request,
    kind: Annotated[
        Format | None,
        Query(
            alias="format",
            description="pages of JSON, or every row as a stream (which takes no limit and no cursor); "
            "as the Accept header says if not given",
        ),
    ] = None,
) -> Format:
    return kind or negotiated(request.headers.get("accept", ""))


Wanted = Annotated[Format, Depends(_wanted)]


def streamed(record: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a list that can be streamed."""
    return {
        200: {
            "description": f"A page of rows, or every row: one {record.__name__} a line, or a Parquet file. "
            "A stream that fails in the middle is broken off: NDJSON after a line with `error`, Parquet without "
            "the end that a file needs.",
            "content": {
                Format.NDJSON.media_type: {"schema": {"type": "string"}},
                Format.PARQUET.media_type: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    }
