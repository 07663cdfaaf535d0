"""Every row of a list as one stream, read batch by batch, so that memory stays the same however long it gets."""

import io
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from autointerp.api.formats import Format
from autointerp.errors import AutointerpError

UNTOLD = "something failed that should not have; the server's log has the details"
ROW_GROUP = 10_000  # rows of a Parquet file that stand together
log = logging.getLogger(__name__)

Batch = Sequence[BaseModel]


def answer(
    kind: Format, record: type[BaseModel], batches: Iterable[Batch], names: Sequence[str] | None
) -> StreamingResponse:
    """Send the batches in a format, with some of the record's fields or all."""
    parts = _ndjson(batches, names) if kind is Format.NDJSON else _parquet(record, batches, names)
    return StreamingResponse(parts, media_type=kind.media_type, headers={"Cache-Control": "no-store", "Vary": "Accept"})


def _ndjson(batches: Iterable[Batch], names: Sequence[str] | None) -> Iterator[bytes]:
    """One record a line. After a failure comes a line that tells it, and then the connection is broken off."""
    only = None if names is None else set(names)
    try:
        for batch in batches:
            yield b"".join(record.model_dump_json(include=only).encode() + b"\n" for record in batch)
    except Exception as error:
        log.warning("a stream is broken off: %s", error)
        detail = error.detail if isinstance(error, AutointerpError) else UNTOLD
        yield json.dumps({"error": detail}).encode() + b"\n"
        raise


def _parquet(record: type[BaseModel], batches: Iterable[Batch], names: Sequence[str] | None) -> Iterator[bytes]:
    """A Parquet file. After a failure its end is missing, so that nobody takes it for whole."""
    # Loading Arrow takes a quarter of a second, for which only who asks for Parquet waits.
    import pyarrow.parquet as pq

    from autointerp.exchange import columns

    sink = _Sink()
    writer = pq.ParquetWriter(sink, columns.schema_of(record, names), compression="zstd")
    for group in _groups(batches):
        writer.write_batch(columns.batch_of(record, group, names))
        yield sink.taken()
    writer.close()
    yield sink.taken()


def _groups(batches: Iterable[Batch]) -> Iterator[list[BaseModel]]:
    gathered: list[BaseModel] = []
    for batch in batches:
        gathered.extend(batch)
        if len(gathered) >= ROW_GROUP:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


class _Sink(io.RawIOBase):
    """A file that is sent on as it is written; it knows how far it is, and keeps nothing that was taken out."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """Whether it can be written: always."""
        return True

    def tell(self) -> int:
        """How many bytes were written in all."""
        return self._position

    def write(self, content: Any, /) -> int:
        """Add some bytes."""
        part = bytes(content)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Take out what was written since the last time."""
        content = b"".join(self._parts)
        self._parts.clear()
        return content
