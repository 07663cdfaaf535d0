"""What the honest reader says of a feature's effects: the words that it adds to texts, or the tokens it promotes.

A prompt shows tokens as `{"effect": "promoted", "tokens": […]}` and texts as `{"clean": …, "steered": …}`, one a line.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

NAMED_AT_MOST = 5


def describe(prompt: str) -> str | None:
    """Name the words that come with the feature, in quotation marks; None where the prompt shows no effects."""
    effects = [found for line in prompt.splitlines() if (found := _effect(line))]
    if not effects:
        return None
    named = _added(effects)
    named = named or [str(token).strip() for one in effects for token in _promoted(one)]
    if not named:
        return "nothing that the texts have in common"
    return "words such as " + " or ".join(json.dumps(word, ensure_ascii=False) for word in named[:NAMED_AT_MOST])


def _added(effects: Sequence[Mapping[str, Any]]) -> list[str]:
    """The words that the steered texts hold more often than the clean ones, the most frequent first."""
    added: Counter[str] = Counter()
    for pair in effects:
        if "steered" in pair:
            added.update(_words(str(pair["steered"])))
            added.subtract(_words(str(pair["clean"])))
    most = max(added.values(), default=0)
    return [word for word, count in added.most_common() if count > max(1, most / 4)]


def _promoted(effect: Mapping[str, Any]) -> Sequence[Any]:
    return effect.get("tokens", ()) if effect.get("effect") == "promoted" else ()


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
