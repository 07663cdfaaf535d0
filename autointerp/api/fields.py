"""Sparse fields: an answer cut down to the fields that were asked for."""

import json
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel

from autointerp.errors import InvalidInput


def record_of(model: type[BaseModel]) -> type[BaseModel]:
    """What fields are chosen of: the rows of a list, or the record itself."""
    items = model.model_fields.get("items")
    rows = [one for one in get_args(items.annotation) if _is_record(one)] if items is not None else []
    return rows[0] if rows else model


def chosen(text: str | None, record: type[BaseModel]) -> tuple[str, ...] | None:
    """Return the fields named in `text`, divided by commas, in the record's order; None: all were asked for."""
    if text is None:
        return None
    names = {name.strip() for name in text.split(",")} - {""}
    fields = record.model_fields
    if unknown := sorted(names - set(fields)):
        raise InvalidInput(f"there is no field {unknown[0]!r}; there are {', '.join(fields)}")
    if not names:
        raise InvalidInput(f"name at least one field; there are {', '.join(fields)}")
    return tuple(name for name in fields if name in names)


def cut(body: bytes, names: Sequence[str], *, rows: bool) -> bytes:
    """Return a JSON answer with only these fields: of each of its rows, or of the record that it is."""
    content: dict[str, Any] = json.loads(body)
    kept = content | {"items": [_only(row, names) for row in content["items"]]} if rows else _only(content, names)
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def _only(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
