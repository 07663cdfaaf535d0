"""What a token looks like, whatever it says."""

import re

# Each shape under the name that a sentence gives it; a token may have several.
SHAPES = {
    "line breaks": re.compile(r"[ \t]*[\r\n]\s*"),
    "indentation": re.compile(r"[ ]{2,}|\t+[ \t]*"),
    "numbers": re.compile(r"\s*\d+"),
    "punctuation": re.compile(r"\s*[^\w\s]+\s*"),
    "capitalised words": re.compile(r"\s*[A-Z][a-z]+"),
    "words in capitals": re.compile(r"\s*[A-Z][A-Z_]+"),
}


def shapes(piece: str) -> tuple[str, ...]:
    """The names of the shapes that the whole piece has."""
    return tuple(name for name, pattern in SHAPES.items() if pattern.fullmatch(piece))


def name(piece: str) -> str:
    """The token without the spaces around it, so that a line break is one with any indentation; spaces alone stay."""
    return piece.strip(" ") or piece


def quote(text: str) -> str:
    """The token in double quotes, with escapes where it would not show."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'
