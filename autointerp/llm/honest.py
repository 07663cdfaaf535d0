"""A reader that answers the house's prompts from the text alone: it counts words, and guesses nothing.

It is no language model and measures no quality; with it a whole run works without a key, and a true explanation
outscores a wrong one. It finds its way by structure: passages and examples stand as JSON objects, one a line, their
text first; a judge's begin with an `Explanation:` line; marked stretches stand in « ».
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from autointerp.domain.calls import Asked, Decided, Message, Role
from autointerp.llm import honest_effects, honest_levels

MARKED = re.compile(r"(\w*)«([^«»]*)»(\w*)")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)+)"|“([^”]+)”|`([^`]+)`|(?<!\w)\'([^\']+)\'(?!\w)')
WORD = re.compile(r"\w+|[^\w\s]+")
NAMED_AT_MOST = 5
REASONING = "I counted in how many passages each marked stretch stands."
_SMALL = """
    a about activates after all also an and any are as at be before being by contain contains containing every
    feature features fire fires followed following for from has have in indicating into is it its kind like mention
    mentions mentioning name names occurrence occurrences of often on or other phrase phrases preceding reference
    references referring related same sentence sentences some such term terms text texts that the their them then
    there these they this those to token tokens use used uses usually when where which with within word words
"""
SMALL_WORDS = frozenset(_SMALL.split())


@dataclass(frozen=True, slots=True)
class Passage:
    """What a prompt shows of one text, and of its rival where there is one."""

    text: str
    rival: str | None


def answer(messages: Sequence[Message], schema: str | None) -> str:
    """Answer the last user message: JSON where there is a schema, else plain text."""
    asked = next((message.text for message in reversed(messages) if message.role is Role.USER), "")
    shown = list(_objects(asked))
    claim = _claim(asked)
    if schema is not None and shown and "odd" in json.loads(schema).get("properties", {}):
        return json.dumps({"odd": odd_one({_name(found): _passage(found).text for found in shown}, claim)})
    if (levels := _levels(claim, asked, schema)) is not None:
        return json.dumps(levels)
    if claim is None:
        sentence = describe([_passage(found).text for found in shown])
        said = {"reasoning": REASONING, "promotes": honest_effects.describe(asked) or sentence}
        return sentence if schema is None else json.dumps(_fill(schema, sentence, {}, said))
    verdicts = {_name(found): _strength(claim, _passage(found)) for found in shown}
    if schema is None:
        return json.dumps({name: strength > 0 for name, strength in verdicts.items()})
    return json.dumps(_fill(schema, claim, verdicts))


def _levels(claim: str | None, asked: str, schema: str | None) -> "dict[str, Any] | None":
    if claim is None or schema is None:
        return None
    terms = _terms(claim)
    return honest_levels.answer(schema, _lines(asked), lambda word: any(_matches(term, word) for term in terms))


def decide(messages: Sequence[Message], questions: Sequence[Asked]) -> tuple[Decided, ...]:
    """Decide whether each question's passage is what the messages explain; a half where there is none to be found."""
    claim = next((found for m in reversed(messages) if (found := _claim(m.text)) is not None), None)
    return tuple(Decided(asked.name, _odds(claim, next(iter(_objects(asked.text)), None))) for asked in questions)


def _odds(claim: str | None, found: "dict[str, Any] | None") -> float:
    if claim is None or found is None:
        return 0.5
    strength = _strength(claim, _passage(found))
    return 0.6 + 0.35 * strength if strength > 0 else 0.1


def describe(texts: Sequence[str]) -> str:
    """Name the marked stretches that stand in the most texts, in quotation marks."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({_trimmed(marked) for _, marked, _ in MARKED.findall(text)})
    if not counts:
        return "nothing that the examples have in common"
    enough = counts.most_common(1)[0][1] / 3
    named = [json.dumps(term, ensure_ascii=False) for term, n in counts.most_common(NAMED_AT_MOST) if n >= enough]
    return f"the text {' or '.join(named)}"


def holds(explanation: str, text: str) -> float:
    """How much of `text` (of its marked stretches, where there are any) is what `explanation` names, from 0 to 1."""
    marked = MARKED.findall(text)
    stretches = [form for left, core, right in marked for form in (core, left + core + right)] if marked else [text]
    terms = _terms(explanation)
    words = [word for stretch in stretches for word in WORD.findall(stretch.casefold())]
    hits = sum(any(_matches(term, word) for term in terms) for word in words)
    if not hits:
        hits = sum(term in stretch.casefold() for term in terms if not WORD.fullmatch(term) for stretch in stretches)
    return min(1.0, hits / max(1, len(words)))


def odd_one(texts: Mapping[str, str], claim: str | None) -> str:
    """The name of the text that `claim` holds for least; without one, of that which shares least words with others."""
    if claim is not None:
        likeness = {name: holds(claim, text) for name, text in texts.items()}
    else:
        words = {name: _own_words(text) for name, text in texts.items()}
        likeness = {a: sum(len(words[a] & words[b]) for b in texts if a != b) for a in texts}
    return min(texts, key=lambda name: (likeness[name], texts[name]))


def _own_words(text: str) -> frozenset[str]:
    """The words of a text, but for the small ones; where it has marked stretches, all words that they touch."""
    marked = [left + core + right for left, core, right in MARKED.findall(text)]
    if marked:
        return frozenset(word for stretch in marked for word in WORD.findall(stretch.casefold()))
    return frozenset(word for word in WORD.findall(text.casefold()) if word.isalnum()) - SMALL_WORDS


def _objects(text: str) -> "list[dict[str, Any]]":
    """The passages and examples: objects whose first value is a text."""
    return [found for found in _lines(text) if isinstance(next(iter(found.values()), None), str)]


def _lines(text: str) -> "list[dict[str, Any]]":
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if not line.lstrip().startswith("{"):
            continue
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(cast(dict[str, Any], value))
    return found


def _name(found: Mapping[str, Any]) -> str:
    """The name under which a passage stands, which comes first."""
    return next(iter(found))


def _claim(text: str) -> str | None:
    for line in text.splitlines():
        if line.startswith("Explanation:"):
            rest = line.removeprefix("Explanation:").strip()
            try:
                value = json.loads(rest)
            except ValueError:
                return rest
            return value if isinstance(value, str) else rest
    return None


def _passage(found: Mapping[str, Any]) -> Passage:
    rival = found.get("rival")
    return Passage(str(found[_name(found)]), rival if isinstance(rival, str) else None)


def _strength(claim: str, passage: Passage) -> float:
    own = holds(claim, passage.text)
    return own if passage.rival is None else max(0.0, own - holds(claim, passage.rival))


def _terms(explanation: str) -> list[str]:
    """The quoted terms of an explanation; where it quotes nothing, its words but for the small ones."""
    quoted = [_unescaped(next(part for part in parts if part)) for parts in QUOTED.findall(explanation)]
    if quoted:
        return [term.casefold() for term in quoted]
    words = [word for word in WORD.findall(explanation.casefold()) if word.isalnum()]
    return [word for word in words if len(word) > 2 and word not in SMALL_WORDS]


def _unescaped(term: str) -> str:
    try:
        value = json.loads(f'"{term}"')
    except ValueError:
        return term
    return value if isinstance(value, str) else term


def _matches(term: str, word: str) -> bool:
    """The same word, give or take a plural; a long term, and a sign, may also be a part of the word."""
    if word == term or word.rstrip("s") == term.rstrip("s") != "":
        return True
    return term in word and (len(term) > 3 or not term.isalnum())


def _trimmed(marked: str) -> str:
    return marked.strip() or marked


def _fill(
    schema: str, sentence: str, verdicts: Mapping[str, float], said: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Fill each property of the schema: verdicts by their ids, a list with those that hold, and text with what is
    `said` under its name, or else with the sentence."""
    properties: dict[str, Any] = json.loads(schema).get("properties", {})
    held = [name for name, strength in verdicts.items() if strength > 0]
    texts = {**dict.fromkeys(properties, sentence), **(said or {})}
    return {name: _value(rule, texts[name], verdicts.get(name, 0.0), held) for name, rule in properties.items()}


def _value(rule: Mapping[str, Any], sentence: str, strength: float, held: Sequence[str]) -> Any:
    match rule.get("type"):
        case "boolean":
            return strength > 0
        case "integer" if "enum" in rule:
            return max(rule["enum"]) if strength > 0 else min(rule["enum"])
        case "integer":
            return round(rule.get("maximum", 100) * (strength > 0))
        case "array" if all(name.isdigit() for name in held):
            return [int(name) for name in held]
        case "number":
            return float(rule.get("maximum", 1) * (strength > 0))
        case _:
            return sentence
