"""Reading what a server sent with our own strict models, keeping the usage even where the rest cannot be read."""

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autointerp.domain.calls import Usage
from autointerp.llm.base import Malformed, Said

LONGEST_RAW = 1_000_000
WEB_PAGE, NOTHING, ERROR = "a web page", "nothing", "an error with status 200"
NO_MODEL_RAN = frozenset({WEB_PAGE, NOTHING, ERROR})
Tokens = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Wire(BaseModel):
    """A part of a reply: strict about the fields we read, indifferent to the others."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


M = TypeVar("M", bound=Wire)


def parse(model: type[M], data: bytes) -> M | None:
    """Read `data`; None when it is not what the model says."""
    try:
        return model.model_validate_json(data)
    except ValidationError:
        return None


def says_a_name_twice(data: bytes) -> bool:
    """Whether an object in this JSON holds a name twice, so that nobody can tell which value was meant."""
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            twice.append("")

    try:
        json.loads(data, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return bool(twice)


def malformed(where: str, data: bytes, usage: Usage | None, answered: str | None = None) -> Malformed:
    """The failure of a 2xx reply that is not what the wire promises, told by what it looks like."""
    text = data[:LONGEST_RAW].decode("utf-8", errors="replace")
    looks = _looks_like(text, data)
    if usage is None and looks in NO_MODEL_RAN:
        usage = Usage()
    return Malformed(f"{where} sent {looks} instead of a reply", Said(usage=usage, raw=text, model=answered))


def _looks_like(text: str, data: bytes) -> str:
    start = text.lstrip()[:200].lower()
    if not start:
        return NOTHING
    if start.startswith("<"):
        return WEB_PAGE
    if start.startswith("{") and '"error"' in start:
        return ERROR
    if not start.startswith(("{", "[")):
        return "something that is not JSON"
    return "broken JSON" if _is_broken(data) else "JSON of another shape"


def _is_broken(data: bytes) -> bool:
    try:
        json.loads(data)
    except RecursionError:  # whole, for all we know, and too deep
        return False
    except ValueError:
        return True
    return False
