"""JSON lines: written one record a line, read with one sentence that names the file and the line of what is broken."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from autointerp.errors import InvalidInput

Record = TypeVar("Record", bound=BaseModel)


def write(path: Path, records: Iterable[BaseModel]) -> int:
    """Write records to a file, compressed where its name ends in .gz, and return how many."""
    count = 0
    with _opened_to_write(path) as stream:
        for record in records:
            stream.write(record.model_dump_json().encode() + b"\n")
            count += 1
    return count


def read(path: Path, record: type[Record]) -> Iterator[Record]:
    """Yield the records of a file; InvalidInput at the first line that is none."""
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            yield parse(line, record, f"{path}, line {number}")


def parse(content: bytes, record: type[Record], where: str) -> Record:
    """Return the record in some JSON; InvalidInput, with `where` it is, when it is none."""
    try:
        return record.model_validate_json(content)
    except ValidationError as error:
        raise InvalidInput(told(error, where)) from None


def told(error: ValidationError, where: str) -> str:
    """What is wrong with a record, in one sentence."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{where}: {field + ': ' if field else ''}{first['msg']}; nothing of this import was stored"


def _lines(path: Path) -> Iterator[bytes]:
    number = 0
    try:
        with opened(path) as stream:
            for line in stream:
                number += 1
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidInput(
            f"{path} is damaged after line {number}: {error}; nothing of this import was stored"
        ) from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None


def opened(path: Path) -> IO[bytes]:
    """Open a file to read, through gzip where its name ends in .gz."""
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _opened_to_write(path: Path) -> Any:
    # Without the time in it, the same content gives the same file.
    return gzip.GzipFile(path, "wb", compresslevel=5, mtime=0) if path.suffix == ".gz" else path.open("wb")
