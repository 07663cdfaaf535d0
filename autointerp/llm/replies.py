"""Reading a reply: what was asked for, or the reason why it cannot be read; never an invented answer."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from autointerp.domain.calls import Finish, Reply
from autointerp.domain.explanations import Unread, UnreadKind

LONGEST_TEXT = 1_000_000
STOPPED = {
    Finish.LENGTH: (UnreadKind.TRUNCATED, "the reply was cut off at max_tokens"),
    Finish.REFUSAL: (UnreadKind.REFUSED, "the model refused to answer"),
    Finish.FILTER: (UnreadKind.FILTERED, "the vendor's filter withheld the reply"),
    Finish.OTHER: (UnreadKind.UNPARSABLE, "the model stopped for a reason that leaves no answer"),
}
FENCE = re.compile(r"```[a-zA-Z]*\n(.*?)```", re.DOTALL)

M = TypeVar("M", bound=BaseModel)


def read_text(reply: Reply, *, request: str | None = None) -> str | Unread:
    """Return the text of a finished reply without the space around it; `request` is kept with what is unread."""
    if reply.finish is not Finish.STOP:
        kind, detail = STOPPED[reply.finish]
        return Unread(kind, detail, reply.raw, request)
    text = reply.text.strip()
    if not text:
        return Unread(UnreadKind.EMPTY, "the reply is empty", reply.raw, request)
    if len(text) > LONGEST_TEXT:
        return Unread(UnreadKind.TOO_LONG, f"the reply has {len(text):,} characters", reply.raw, request)
    return text


def read_json(reply: Reply, model: type[M], *, request: str | None = None) -> M | Unread:
    """Read the JSON of a finished reply as `model`, strictly: the whole text, else its one fenced block, else {…}."""
    text = read_text(reply, request=request)
    if isinstance(text, Unread):
        return text
    kind, detail = UnreadKind.PROSE, "the reply holds no JSON object"
    for candidate in _candidates(text):
        try:
            _load(candidate)
            return model.model_validate_json(candidate, strict=True)
        except _Unusable as error:
            kind, detail = error.kind, str(error)
        except ValidationError as error:
            kind, detail = _kind(error), _first(error)
            break
        except (ValueError, RecursionError):
            if candidate.startswith("{"):
                kind, detail = UnreadKind.UNPARSABLE, "the reply holds broken JSON"
    return Unread(kind, detail, reply.raw, request)


def _candidates(text: str) -> Iterator[str]:
    yield text
    fenced = FENCE.findall(text)
    if len(fenced) == 1:
        yield fenced[0].strip()
    first, last = text.find("{"), text.rfind("}")
    if 0 <= first < last:
        yield text[first : last + 1]


class _Unusable(Exception):
    """JSON that can be read in more than one way, or in none that means a number."""

    def __init__(self, kind: UnreadKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _load(text: str) -> None:
    """Check what pydantic does not: _Unusable when a key stands twice or a number is none, ValueError for no JSON."""
    json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unusable(UnreadKind.DUPLICATE, "a key stands twice")
    return found


def _no_constant(name: str) -> None:
    raise _Unusable(UnreadKind.NOT_A_NUMBER, f"{name} is no number")


_KINDS = {
    "missing": UnreadKind.WRONG_COUNT,
    "extra_forbidden": UnreadKind.WRONG_COUNT,
    "int_type": UnreadKind.NOT_A_NUMBER,  # no whole number
    "finite_number": UnreadKind.NOT_A_NUMBER,
    **dict.fromkeys(
        ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"), UnreadKind.OUT_OF_RANGE
    ),
    "literal_error": UnreadKind.OUT_OF_RANGE,  # a choice that was not offered
}


def _kind(error: ValidationError) -> UnreadKind:
    return _KINDS.get(error.errors(include_url=False, include_input=False)[0]["type"], UnreadKind.UNPARSABLE)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
