"""Parquet files of records, written and read a group of rows at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from autointerp.errors import InvalidInput
from autointerp.exchange import columns, lines

GROUP = 500
Record = TypeVar("Record", bound=BaseModel)


def write(path: Path, record: type[BaseModel], records: Iterable[BaseModel]) -> int:
    """Write records to a file and return how many."""
    count = 0
    remaining = iter(records)
    with pq.ParquetWriter(path, columns.schema_of(record), compression="zstd") as writer:
        while group := list(islice(remaining, GROUP)):
            writer.write_batch(columns.batch_of(record, group))
            count += len(group)
    return count


def read(path: Path, record: type[Record]) -> Iterator[Record]:
    """Yield the records of a file; InvalidInput at the first row that is none."""
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=GROUP):
                for row in columns.rows_of(record, batch):
                    number += 1
                    yield record.model_validate(row)
    except ValidationError as error:
        raise InvalidInput(lines.told(error, f"{path}, row {number}")) from None
    except (pa.ArrowException, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(
            f"{path} is damaged after row {number}: {reason}; nothing of this import was stored"
        ) from None
