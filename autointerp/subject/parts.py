"""Documents in parts of bounded length, so that none is too long to be tokenised."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autointerp.errors import InvalidCorpus

LONGEST = 1 << 18  # characters of a part; longer documents are cut, behind a space or the end of a line if there is one


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document, in reading order; most documents have one. `number` counts parts from the first on."""

    number: int
    document: str
    content: Any
    first: bool
    last: bool


def in_parts(documents: Iterable[tuple[str, Any]], *, longest: int = LONGEST) -> Iterator[Part]:
    """Cut texts into parts of at most `longest` characters; what is not a text, or not long, is one part."""
    number = 0
    for document, content in documents:
        pieces = _pieces(content, longest)
        piece, first = next(pieces), True
        while piece is not None:
            following = next(pieces, None)
            yield Part(number, document, piece, first=first, last=following is None)
            piece, first = following, False
            number += 1


def _pieces(content: Any, longest: int) -> Iterator[Any]:
    if isinstance(content, Path):
        yield from _cut(_blocks(content), longest)
    elif isinstance(content, str) and len(content) > longest:
        yield from _cut((content[at : at + longest] for at in range(0, len(content), longest)), longest)
    else:
        yield content


def _blocks(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            while block := file.read(LONGEST):
                yield block
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCorpus(f"cannot read {path} as UTF-8 text; take it out of the corpus") from error


def _cut(blocks: Iterable[str], longest: int) -> Iterator[str]:
    """Cut a text where no word is; how it comes in blocks makes no difference."""
    rest = ""
    for block in blocks:
        rest += block
        while len(rest) > longest:
            at = max(rest.rfind("\n", 0, longest), rest.rfind(" ", 0, longest)) + 1 or longest
            yield rest[:at]
            rest = rest[at:]
    yield rest
