"""What an explanation names, and how often a passage holds it."""

import re
from dataclasses import dataclass

from autointerp.domain.judging import Passage

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)+)"|“([^”]+)”|`([^`]+)`|(?<!\w)\'([^\']+)\'(?!\w)')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")
_SUFFIXES = ("ings", "ing", "edly", "ed", "ies", "ly", "es", "s")

# Words that explanations use whatever they are about, and English function words.
_IGNORED = frozenset(
    re.findall(
        r"\w+",
        """
    a about above activate activates activating activation after all along also an and any appear appears are as at
    away be been before being below between both but by can commonly contain containing contains context contexts
    could describe describes did do does down during each either else especially every example examples explanation
    feature features few fire fires firing follow followed following follows for from further had has have having he
    her here him his how i if in indicate indicates into is it its just kind kinds less like mainly many may me
    mention mentions might more most much must my near next no nor not occur occurrence occurrences occurs of off
    often on once one only onto or other our out over own part particular passage passages per phrase phrases
    preceded precedes preceding primarily refer references refers related relating same she should since so some
    such text texts than that the their them then there these they this those through to together token tokens too
    toward towards typically under until up upon us use used using usually various very was we were what when where
    whether which while who whom whose will with within without word words would you your
    """,
    )
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an explanation names: the tokens it quotes, or its content words (stemmed) when it quotes none."""

    names: tuple[str, ...]
    quoted: bool

    @classmethod
    def of(cls, explanation: str) -> "Terms":
        """Read them from the explanation, each once, in order."""
        found = (next(group for group in match.groups() if group) for match in _QUOTED.finditer(explanation))
        quoted = tuple(dict.fromkeys(_unescape(text) for text in found))
        if quoted:
            return cls(quoted, quoted=True)
        return cls(tuple(dict.fromkeys(stem for stem in _stems(explanation) if stem)), quoted=False)

    def counts(self, passage: Passage) -> tuple[int, ...]:
        """How often the passage holds each name; where tokens are marked, only the marked stretches count."""
        pieces, stretches = _read(passage)
        if self.quoted:
            return tuple(_count(name, pieces, stretches) for name in self.names)
        stems = [stem for stretch in stretches for stem in _stems(stretch)]
        return tuple(stems.count(name) for name in self.names)


def words(passage: Passage) -> frozenset[str]:
    """The content words of a passage (stemmed); where tokens are marked, those they touch, or the tokens as such."""
    pieces, stretches = _read(passage)
    tokens = {piece.strip().lower() for piece in pieces if not _stems(piece)} if passage.marks else set[str]()
    stems = {stem for stretch in stretches for stem in _stems(stretch)}
    return frozenset((stems | tokens) - {""})


def _unescape(text: str) -> str:
    raw = _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
    return raw.strip() or raw


def _read(passage: Passage) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pieces that count, and the stretches of text that count, each mark widened to the words it touches."""
    if not passage.marks:
        return passage.pieces, (passage.text,)
    pieces = tuple(piece for piece, mark in zip(passage.pieces, passage.marks, strict=True) if mark)
    text, stretches, end = passage.text, list[str](), 0
    for start, stop in _spans(passage):
        while start > end and _inside_word(text, start):
            start -= 1
        while stop < len(text) and _inside_word(text, stop):
            stop += 1
        stretches.append(text[start:stop])
        end = stop
    return pieces, tuple(stretches)


def _spans(passage: Passage) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    offset = 0
    for piece, mark in zip(passage.pieces, passage.marks, strict=True):
        if mark and spans and spans[-1][1] == offset:
            spans[-1] = (spans[-1][0], offset + len(piece))
        elif mark:
            spans.append((offset, offset + len(piece)))
        offset += len(piece)
    return spans


def _inside_word(text: str, position: int) -> bool:
    return text[position - 1 : position].isalnum() and text[position : position + 1].isalnum()


def _count(name: str, pieces: tuple[str, ...], stretches: tuple[str, ...]) -> int:
    """Whole words and whole tokens only; a name without capitals matches any case."""
    fold = name == name.lower()
    pattern = _word_pattern(name, fold=fold)
    words = sum(len(pattern.findall(stretch)) for stretch in stretches)
    same = sum((piece.lower() if fold else piece).strip(" ") == name for piece in pieces)
    return max(words, same)


def _word_pattern(name: str, *, fold: bool) -> re.Pattern[str]:
    before = r"(?<!\w)" if name[0].isalnum() else ""
    after = r"(?!\w)" if name[-1].isalnum() else ""
    return re.compile(before + re.escape(name) + after, re.IGNORECASE if fold else 0)


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in (match.lower() for match in _WORD.findall(text)) if word not in _IGNORED]


def _stem(word: str) -> str:
    """Drop an English ending, a last e and a doubled last letter, so that run, runs and running are one."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)] + ("y" if suffix == "ies" else "")
            break
    if len(word) > 3:
        word = word.removesuffix("e")
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
