"""What an explanation says of a text, word by word, and how it is put into words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.planted.vocabulary import CLASSES, DESCRIPTIONS, QUOTES, STOP

_WORD = re.compile(r"[a-z]+|[.“”]")
SHOWN = 3  # words of a class that an explanation names


@dataclass(frozen=True)
class Term:
    """Some words, and under which conditions they count.

    `after`: only where one of these words stands `distance` words before; `quoted`: only inside quotation marks;
    `topic`: only in documents that begin with this word.
    """

    words: frozenset[str]
    after: frozenset[str] = frozenset()
    distance: int = 1
    quoted: bool = False
    topic: str | None = None

    def holds(self, words: Sequence[str]) -> list[bool]:
        """Say of each word of a text, as far as the text shows, whether the term holds of it."""
        quoted, topic, held = False, False, list[bool]()
        for place, word in enumerate(words):
            if word in QUOTES:
                quoted = word == QUOTES[0]
            topic = topic or word == self.topic
            met = (not self.quoted or quoted) and (self.topic is None or topic)
            if self.after:
                met = met and place >= self.distance and words[place - self.distance] in self.after
            held.append(met and word in self.words)
        return held

    @property
    def text(self) -> str:
        """The term in words."""
        after = ""
        if self.after:
            after = f" {'right' if self.distance == 1 else 'two words'} after {_named(self.after)}"
        quoted = " inside quotation marks" if self.quoted else ""
        topic = f' in documents that begin with the word "{self.topic}"' if self.topic else ""
        return _named(self.words) + after + quoted + topic


@dataclass(frozen=True)
class Claim:
    """An explanation: the feature fires where one of the terms holds, or else makes the words `promotes` likelier."""

    terms: tuple[Term, ...] = ()
    promotes: frozenset[str] = frozenset()

    @cached_property
    def text(self) -> str:
        """The explanation as it is shown."""
        if not self.terms:
            return f"makes it likelier that the text goes on with {_named(self.promotes)}"
        return ", or ".join(term.text for term in self.terms)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that it names, whatever the conditions."""
        return self.promotes.union(*(term.words for term in self.terms))

    def holds(self, words: Sequence[str]) -> list[bool]:
        """Say of each word of a text whether the feature fires there."""
        held = [term.holds(words) for term in self.terms]
        return [any(one) for one in zip(*held, strict=True)] if held else [False] * len(words)


def words_of(text: str) -> list[str]:
    """Split a text into its words, quotation marks and full stops."""
    return _WORD.findall(text)


def _named(words: frozenset[str]) -> str:
    for name, members in CLASSES.items():
        if words == frozenset(members):
            return f"{DESCRIPTIONS[name]}, such as {_listed(members[:SHOWN])}"
    ordered = sorted(words - {STOP})
    if len(ordered) == 1:
        return f'the word "{ordered[0]}"'
    more = "" if len(ordered) <= 6 else " and other words"
    return f"the words {_listed(ordered[:6])}{more}"


def _listed(words: Sequence[str]) -> str:
    quoted = [f'"{word}"' for word in words]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
