"""Records as Arrow columns: the schema follows from the fields of a pydantic model.

Records in records become structs, lists become lists. What has no fixed fields (options, specs) is kept as JSON text.
"""

import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

Schema: TypeAlias = Any  # pyarrow is untyped
RecordBatch: TypeAlias = Any
DataType: TypeAlias = Any

SCALARS: Mapping[type, DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    datetime: pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """The Arrow type of a field, how its values are put into it, and how they are taken out again."""

    type: DataType
    put: Callable[[Any], Any]
    take: Callable[[Any], Any]


def schema_of(model: type[BaseModel], names: Sequence[str] | None = None) -> Schema:
    """Return the schema of a table of these records, with some of their fields or all."""
    return pa.schema([pa.field(name, column.type) for name, column in _columns(model, names).items()])


def batch_of(model: type[BaseModel], records: Sequence[BaseModel], names: Sequence[str] | None = None) -> RecordBatch:
    """Put records into columns."""
    columns = _columns(model, names)
    arrays = [
        pa.array([column.put(getattr(record, name)) for record in records], type=column.type)
        for name, column in columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(model, names))


def rows_of(model: type[BaseModel], batch: RecordBatch) -> list[dict[str, Any]]:
    """Take rows out of columns, as what the records are made from; columns that the records lack are left out."""
    columns = {name: column for name, column in _columns(model, None).items() if name in batch.schema.names}
    values = {name: batch.column(name).to_pylist() for name in columns}
    return [{name: column.take(values[name][i]) for name, column in columns.items()} for i in range(batch.num_rows)]


def _columns(model: type[BaseModel], names: Sequence[str] | None) -> dict[str, Column]:
    fields = model.model_fields
    return {name: _column(fields[name].annotation) for name in (fields if names is None else names)}


def _column(annotation: Any) -> Column:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        [present] = [argument for argument in arguments if argument is not types.NoneType]
        return _column(present)
    if origin is Literal:
        return _plain(pa.string())
    if origin in (list, tuple):
        return _list(_column(arguments[0]))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Column(pa.string(), lambda value: None if value is None else value.value, _same)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _struct(annotation)
    if annotation in SCALARS:
        return _plain(SCALARS[annotation])
    return Column(pa.string(), _as_json, _from_json)


def _plain(kind: DataType) -> Column:
    return Column(kind, _same, _same)


def _list(item: Column) -> Column:
    def through(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
        if change is _same:
            return _same
        return lambda values: None if values is None else [change(value) for value in values]

    return Column(pa.list_(item.type), through(item.put), through(item.take))


def _struct(model: type[BaseModel]) -> Column:
    columns = _columns(model, None)

    def put(record: Any) -> Any:
        return None if record is None else {name: c.put(getattr(record, name)) for name, c in columns.items()}

    def take(row: Any) -> Any:
        return None if row is None else {name: c.take(row[name]) for name, c in columns.items()}

    return Column(pa.struct([pa.field(name, column.type) for name, column in columns.items()]), put, take)


def _same(value: Any) -> Any:
    return value


def _as_json(value: Any) -> Any:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)


def _from_json(text: Any) -> Any:
    return None if text is None else json.loads(text)
