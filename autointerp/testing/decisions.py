"""How a server spells typed decisions: OpenAI's way (a list of answers), and System One's (answers by name)."""

from collections.abc import Mapping, Sequence
from typing import Any

from autointerp.domain.calls import Asked, Decided, Message, Role, Usage


def questions(body: Mapping[str, Any]) -> tuple[Asked, ...]:
    """The yes/no questions of a request; none in a chat."""
    asked = body.get("questions")
    if isinstance(asked, Mapping):
        return tuple(Asked(name, _instructions(each)) for name, each in asked.items())
    return tuple(Asked(each.get("name", ""), _instructions(each)) for each in asked or ())


def messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """What the questions are about: the messages of an `input`, or one that holds the `state`."""
    said = body["state"] if "state" in body else body["input"]
    if isinstance(said, str):
        return (Message(Role.USER, said),)
    return tuple(Message(Role(each["role"]), str(each["content"])) for each in said)


def render(body: Mapping[str, Any], decided: Sequence[Decided], usage: Usage) -> dict[str, Any]:
    """Spell the answers to the questions of `body`; a question that nothing was decided on is refused or left out."""
    found = {one.name: one.probability for one in decided}
    named = [(asked.name, found.get(asked.name)) for asked in questions(body)]
    if "state" in body:
        answers = {name: {"type": "noul", "noul": value} for name, value in named if value is not None}
        counted = {"input_tokens": usage.input, "output_tokens": usage.output}
        return {"model": body.get("model"), "answers": answers, "usage": counted}
    return {"model": body.get("model"), "answers": [_answer(*each) for each in named], "usage": _counted(usage)}


def _instructions(question: Mapping[str, Any]) -> str:
    return str(question.get("instructions", ""))


def _answer(name: str, probability: float | None) -> dict[str, Any]:
    if probability is None:
        return {"type": "refusal", "name": name}
    return {"type": "predicate", "name": name, "probability": probability}


def _counted(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input + usage.cache_read + usage.cache_write,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
