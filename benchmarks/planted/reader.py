"""A language model that reads the planted explanations as they are meant, and errs at a given rate.

It answers the prompts of all scorers from the text that they show, and from nothing else: what a window does not show
(the beginning of its document, an opening quotation mark before it) it does not know. It finds its way by structure, as
the honest reader of the package does: an `Explanation:` line, then passages as JSON objects, one a line. An error is
the other verdict, for the same item always the same.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from autointerp.domain.calls import Reply, Request
from autointerp.domain.likelihood import Continuation, Likelihood
from autointerp.domain.seeds import rng_for
from autointerp.llm.providers.fake import finished
from benchmarks.planted.claims import Claim, words_of
from benchmarks.planted.features import explanations, features

LEVEL = 8
LIKELY, UNLIKELY = 0.05, 0.002
_PIECE = re.compile(r"[a-z]+|[.“”«»]")
_MARKS = "«»"


@cache
def claims() -> dict[str, Claim]:
    """Every explanation that a planted feature is given, by its text."""
    live = [i for i, feature in enumerate(features()) if feature.fires]
    return {claim.text: claim for i in live for claim in explanations(i).values()}


@dataclass(frozen=True)
class Reading:
    """A passage as it is shown: its words, and which of them are marked (none: it has no marks)."""

    words: tuple[str, ...]
    marked: tuple[bool, ...]

    @classmethod
    def of(cls, text: str) -> "Reading":
        """Read a passage with its marks."""
        inside, words, marked = False, list[str](), list[bool]()
        for piece in _PIECE.findall(text):
            if piece in _MARKS:
                inside = piece == _MARKS[0]
            else:
                words.append(piece)
                marked.append(inside)
        return cls(tuple(words), tuple(marked))

    def holds(self, claim: Claim) -> bool:
        """Say whether the claim holds for most of what is marked, or without marks anywhere."""
        held = claim.holds(self.words)
        if not any(self.marked):
            return any(held)
        return 2 * sum(h for h, m in zip(held, self.marked, strict=True) if m) > sum(self.marked)


class Reader:
    """Answers requests, with the share `errs` of errors; `asked` keeps what was asked and answered."""

    def __init__(self, errs: float = 0.0) -> None:
        self._errs = errs
        self.asked: list[tuple[Request, Reply]] = []

    async def complete(self, request: Request) -> Reply:
        """Answer by the schema of the request."""
        asked = request.messages[-1].text
        properties: dict[str, Any] = json.loads(request.schema or "{}")["properties"]
        reply = finished(request, json.dumps(self._answer(asked, properties)))
        self.asked.append((request, reply))
        return reply

    def _answer(self, asked: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        lines = asked.splitlines()
        shown = [json.loads(line) for line in lines if line.startswith("{")]
        if "odd" in properties:
            return {"odd": self._odd({name: text for one in shown for name, text in one.items()})}
        claim = claims()[json.loads(lines[0].removeprefix("Explanation: "))]
        if "fires" in properties:
            held = {name: Reading.of(text).holds(claim) for one in shown for name, text in one.items()}
            return {"fires": [int(name) for name in held if self._err(claim, shown, name) != held[name]]}
        rule = next(iter(properties.values()))
        if rule["type"] == "array":
            return {name: self._levels(claim, pieces) for one in shown for name, pieces in one.items()}
        if rule["type"] == "integer" and "enum" not in rule:
            [tokens] = shown
            return dict(zip(tokens, self._levels(claim, tuple(tokens.values())), strict=True))
        answer = self._verdict if rule["type"] == "boolean" else self._rating
        return {next(iter(one)): answer(claim, one) for one in shown}

    def _verdict(self, claim: Claim, shown: Mapping[str, str]) -> bool:
        name, text = next(iter(shown.items()))
        if (rival := shown.get("rival")) is not None:
            held = _mentions(claim, text) > _mentions(claim, rival)
        elif name.isdigit():  # a token of the vocabulary: does the feature make it likelier?
            held = text.strip() in claim.words
        else:
            held = Reading.of(text).holds(claim)
        return self._err(claim, text, rival) != held

    def _rating(self, claim: Claim, shown: Mapping[str, str]) -> int:
        text = next(iter(shown.values()))
        read = Reading.of(text)
        rating = 3 if read.holds(claim) else int(any(claim.holds(read.words)))
        return 3 - 3 * (rating == 3) if self._err(claim, text) else rating

    def _levels(self, claim: Claim, pieces: Sequence[str]) -> list[int]:
        words = [piece.strip() for piece in pieces]
        held = claim.holds(words)
        if self._err(claim, words):
            place = int(rng_for(0, "misplaced", claim.text, words).integers(len(words)))
            held = [not any(held) and i == place for i in range(len(words))]
        return [LEVEL * one for one in held]

    def _odd(self, shown: Mapping[str, str]) -> str:
        """The passage that shares least with the others of what any planted feature means."""
        meant = {name: _meant(text) for name, text in shown.items()}
        shared = {a: sum(len(meant[a] & meant[b]) for b in meant if b != a) for a in meant}
        odd = min(shared, key=lambda name: (shared[name], name))
        if not self._err(None, shown):
            return odd
        others = sorted(set(shown) - {odd})
        return others[int(rng_for(0, "odd", shown).integers(len(others)))]

    def _err(self, claim: Claim | None, *item: object) -> bool:
        told = "" if claim is None else claim.text
        return self._errs > 0 and rng_for(1, "err", told, repr(item)).random() < self._errs


class Likelihoods:
    """A base model that finds words likelier of which the description before them speaks; implements `LogProb`."""

    def __init__(self, errs: float = 0.0) -> None:
        self._errs = errs

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        """How likely each text is after its prefix; a text that it misreads is one of which nothing holds."""
        del prompt
        return [self._likelihood(one) for one in asked]

    def _likelihood(self, one: Continuation) -> Likelihood:
        told = [line for line in one.prefix.splitlines() if line.startswith("Description: ")][-1]
        claim = claims().get(json.loads(told.removeprefix("Description: ")), Claim())
        words = words_of(one.text)
        held = claim.holds(words)
        if self._errs and rng_for(1, "misread", told, one.text).random() < self._errs:
            held = [not any(held)] + [False] * (len(words) - 1)
        return Likelihood(math.fsum(math.log(LIKELY if h else UNLIKELY) for h in held), len(words))


@cache
def _meanings() -> tuple[Claim, ...]:
    return tuple(dict.fromkeys(feature.truth for feature in features() if feature.fires))


@lru_cache(maxsize=100_000)
def _meant(text: str) -> frozenset[int]:
    """Which meanings, by their place, hold of a passage."""
    read = Reading.of(text)
    words = frozenset(read.words)
    return frozenset(i for i, claim in enumerate(_meanings()) if words & claim.words and read.holds(claim))


def _mentions(claim: Claim, text: str) -> int:
    """How many words of a text the explanation names: what a feature makes likelier need not meet its conditions."""
    return sum(word in claim.words for word in words_of(text))


Sees = Callable[[Claim], bool]
