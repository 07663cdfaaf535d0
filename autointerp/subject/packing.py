"""Lays tokenised documents out in rows of one length, and the rows in pieces, the units that are kept on disk."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus, InvalidModel
from autointerp.hashing import digest, stable_int
from autointerp.subject.model import SubjectModel
from autointerp.subject.parts import Part

Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows are laid out: with a BOS token before every document and at the start of every row (as models that
    have one are trained and read), else with an EOS token after every document, else with nothing between them.

    With `alone` a row holds one document, and `long` says what becomes of a longer one.
    """

    context: int
    bos: int | None
    eos: int | None
    pad: int
    special: tuple[int, ...]
    alone: bool
    long: Literal["split", "cut", "refuse"]

    @classmethod
    def of(cls, model: SubjectModel, spec: CorpusSpec, *, context: int) -> "Layout":
        """Choose the separators that the model's tokenizer has; InvalidModel when the context is too long for it.

        Ids that are given get no separators: they hold what they are to hold.
        """
        if context > model.max_context:
            raise InvalidModel(
                f"a context of {context} tokens is longer than the {model.max_context} of {model.name}; "
                f"set context to {model.max_context} or less"
            )
        bos, eos = (_id(token) for token in (model.tokenizer.bos_token_id, model.tokenizer.eos_token_id))
        pad = next((token for token in (_id(model.tokenizer.pad_token_id), eos, bos) if token is not None), 0)
        given = spec.content == "tokens"
        return cls(
            context=context,
            bos=None if given else bos,
            eos=None if given or bos is not None else eos,
            pad=pad,
            special=tuple(sorted(model.vocabulary.special)),
            alone=spec.layout == "rows",
            long=spec.long,
        )

    @property
    def fingerprint(self) -> str:
        """What identifies where every token comes to stand."""
        return digest([self.context, self.bos, self.eos, self.pad, self.alone, self.long])


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a piece begins: its number, the part of a document that its first token is from, how many tokens of that
    part came before, and how many tokens of the corpus."""

    piece: int
    part: int
    used: int
    tokens: int


BEGINNING = Mark(piece=0, part=0, used=0, tokens=0)


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Consecutive rows. Row i holds `lengths[i]` tokens, then padding; document i begins at `begins[i]`, counted
    through all rows, and has the hash `hashes[i]`. `end` is where the next piece begins, if this is not the `last`."""

    begin: Mark
    end: Mark
    last: bool
    ids: Ids  # (rows, context)
    lengths: NDArray[np.int32]  # (rows,)
    begins: NDArray[np.int32]  # (documents,)
    hashes: NDArray[np.int64]  # (documents,)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.ids)

    def documents(self) -> NDArray[np.int64]:
        """Return the hash of each token's document (rows, context); padding counts to the document before it."""
        spans = np.diff(self.begins, append=self.ids.size)
        return np.repeat(self.hashes, spans).reshape(self.ids.shape)


class Packer:
    """Pieces of `rows` rows in the making, from the mark `begin` on; full when the corpus has `budget` tokens."""

    def __init__(self, layout: Layout, *, rows: int, budget: int, begin: Mark) -> None:
        self._layout = layout
        self._size = rows * layout.context
        self._budget = budget
        self._tokens = begin.tokens
        self._begin = begin
        self._clear()

    @property
    def full(self) -> bool:
        """Whether the budget is reached."""
        return self._tokens >= self._budget

    def add(self, part: Part, ids: Ids) -> list[Piece]:
        """Append a part of a document as far as the budget goes, and return the pieces that are full.

        A piece counts as full when more follows, so that the last one is known. InvalidCorpus when a document is too
        long for a row and such are refused.
        """
        layout, closed = self._layout, list[Piece]()
        if part.last and layout.eos is not None and (len(ids) or not part.first):
            ids = np.append(ids, np.int32(layout.eos))
        done = self._begin.used if part.number == self._begin.part else 0
        fresh = part.first and done == 0
        while done < len(ids) and not self.full:
            if layout.alone and fresh:
                self._at += -self._at % layout.context
            elif layout.alone and self._at % layout.context == 0 and self._ends_here(part):
                break
            if self._at == self._size:
                closed.append(self._close(Mark(self._begin.piece + 1, part.number, done, self._tokens), last=False))
            if fresh or self._at == 0:
                self._begin_document(part)
            done += self._lay(ids[done:], fresh=fresh)
            fresh = fresh and done == 0
        return closed

    def finish(self) -> Piece | None:
        """Return the last piece; None when there is none, as no document has any token."""
        if self._at == 0:
            return None
        end = Mark(self._begin.piece + 1, self._begin.part, self._begin.used, self._tokens)
        return self._close(end, last=True)

    def _clear(self) -> None:
        self._at = 0
        self._ids = np.full(self._size, self._layout.pad, dtype=np.int32)
        self._lengths = np.zeros(self._size // self._layout.context, dtype=np.int32)
        self._begins: list[int] = []
        self._hashes: list[int] = []

    def _close(self, end: Mark, *, last: bool) -> Piece:
        rows = -(-self._at // self._layout.context)
        piece = Piece(
            begin=self._begin,
            end=end,
            last=last,
            ids=self._ids.reshape(-1, self._layout.context)[:rows],
            lengths=self._lengths[:rows],
            begins=np.array(self._begins, dtype=np.int32),
            hashes=np.array(self._hashes, dtype=np.int64),
        )
        self._begin = end
        self._clear()
        return piece

    def _ends_here(self, part: Part) -> bool:
        """Whether a document is not to go on in a new row."""
        if self._layout.long == "refuse":
            raise InvalidCorpus(
                f"{part.document} is longer than the context of {self._layout.context} tokens; "
                "set long to split or cut, or context higher"
            )
        return self._layout.long == "cut"

    def _begin_document(self, part: Part) -> None:
        if self._begins and self._begins[-1] == self._at:
            return
        self._begins.append(self._at)
        self._hashes.append(stable_int(part.document))

    def _lay(self, ids: Ids, *, fresh: bool) -> int:
        """Write ids, with BOS tokens between them, as far as there is room; return how many ids are written."""
        context = self._layout.context
        row = self._at % context
        room = min(self._size - self._at, self._budget - self._tokens)
        room = min(room, context - row) if self._layout.alone else room
        laid = _with_bos(ids, self._layout.bos, context, row=row, fresh=fresh, room=room)
        end = self._at + len(laid[0])
        self._ids[self._at : end] = laid[0]
        self._lengths[self._at // context : end // context] = context
        if end % context:
            self._lengths[end // context] = end % context
        self._tokens += end - self._at
        self._at = end
        return laid[1]


def _with_bos(ids: Ids, bos: int | None, context: int, *, row: int, fresh: bool, room: int) -> tuple[Ids, int]:
    """Put a BOS token before a fresh document and at the start of each row; return at most `room` tokens, and how many
    of `ids` are among them. `row` is the position in the row at which they begin."""
    if bos is None:
        return ids[:room], min(room, len(ids))
    size = min(room, len(ids) + len(ids) // (context - 1) + 3)
    separators = np.zeros(size, dtype=np.bool_)
    separators[-row % context :: context] = True
    separators[0] |= fresh
    places = np.flatnonzero(~separators)[: len(ids)]
    if len(places) == len(ids):
        size = int(places[-1]) + 1
    laid = np.full(size, bos, dtype=np.int32)
    laid[places] = ids[: len(places)]
    return laid, len(places)


def _id(token: object) -> int | None:
    return token if isinstance(token, int) else None
