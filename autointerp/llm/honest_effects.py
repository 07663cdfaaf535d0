"""What the honest reader says of a feature's effects: the words that it adds to texts, or the tokens it promotes.

A prompt shows tokens as `{"effect": "promoted", "tokens": […]}` and texts as `{"clean": …, "steered": …}`, one a line.
"""

import json
from collections import Counter
from typing import Any, cast

NAMED_AT_MOST = 5


def describe(prompt: str) -> str | None:
    """Name the words that come with the feature, in quotation marks; None where the prompt shows no effects."""
    effects = [found for line in prompt.splitlines() if (found := _effect(line))]
    added: Counter[str] = Counter()
    for effect in effects:
        if "steered" in effect:
            added.update(_words(effect["steered"]))
            added.subtract(_words(effect["clean"]))
    promoted = [str(token).strip() for one in effects if one.get("effect") == "promoted" for token in one["tokens"]]
    most = max(added.values(), default=0)
    named = [word for word, count in added.most_common(NAMED_AT_MOST) if count > max(1, most / 4)]
    named = named or promoted[:NAMED_AT_MOST]
    if not effects:
        return None
    return "words such as " + " or ".join(json.dumps(word, ensure_ascii=False) for word in named)


def _effect(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    found = cast(dict[str, Any], value)
    return found if "effect" in found or {"clean", "steered"} <= set(found) else None


def _words(text: str) -> list[str]:
    return text.casefold().split()
