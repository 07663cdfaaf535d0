"""The honest reader's answer where a level is asked for at each token: the same one wherever the word is named."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LEVEL = 9
_WORD = re.compile(r"\w+|[^\w\s]+")


def answer(schema: str, shown: Sequence[Mapping[str, Any]], fires: Callable[[str], bool]) -> dict[str, Any] | None:
    """Levels by the names of the schema; None where it asks for something else.

    Tokens are all values of one object, one level each, or stand in lists, one list of levels each.
    """
    properties: dict[str, Any] = json.loads(schema).get("properties", {})
    kinds = {rule.get("type") for rule in properties.values()}
    for found in shown:
        if kinds == {"integer"} and len(found) > 1 and set(found) == set(properties):
            return dict(zip(found, levels([str(piece) for piece in found.values()], fires), strict=True))
    lists = {name: found[name] for found in shown for name in found if isinstance(found[name], list)}
    if kinds != {"array"} or not lists:
        return None
    return {name: levels(lists.get(name, ()), fires) for name in properties}


def levels(pieces: Sequence[str], fires: Callable[[str], bool]) -> list[int]:
    """The level of each token: LEVEL where it is a part of a word on which the feature fires."""
    text = "".join(pieces).casefold()
    named = [found.span() for found in _WORD.finditer(text) if fires(found[0])]
    values: list[int] = []
    end = 0
    for piece in pieces:
        start, end = end, end + len(piece.casefold())
        values.append(LEVEL * any(start < last and first < end for first, last in named))
    return values
