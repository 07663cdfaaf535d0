"""How the pieces of a corpus are made: documents read, cut into parts, tokenised and laid out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from autointerp.errors import InvalidCorpus
from autointerp.subject.documents import Document
from autointerp.subject.packing import Layout, Mark, Packer, Piece
from autointerp.subject.parts import in_parts
from autointerp.subject.shelf import Stopped
from autointerp.subject.tokenising import Encode, tokenise


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the pieces of a corpus are made, as often as it takes; `check` says when the source is another by now."""

    name: str
    read: Callable[[], Iterable[Document]]
    check: Callable[[], None]
    encode: Encode
    layout: Layout
    tokens: int
    piece_rows: int

    def make(self, begin: Mark, stopped: Stopped) -> Iterator[Piece]:
        """Yield pieces from a mark on; what lies before it is read, and not tokenised."""
        packer = Packer(self.layout, rows=self.piece_rows, budget=self.tokens, begin=begin)
        parts = takewhile(lambda _: not stopped(), in_parts(self.read()))
        for part, ids in tokenise((part for part in parts if part.number >= begin.part), self.encode):
            full = packer.add(part, ids)
            if full:
                self.check()
            yield from full
            if packer.full:
                break
        self.check()
        last = None if stopped() else packer.finish()
        if last is not None:
            yield last
        elif not stopped():
            raise InvalidCorpus(f"the corpus {self.name} holds no text; give one that does")
