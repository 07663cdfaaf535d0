"""The corpus as rows of tokens, read piece by piece from disk while a thread of its own tokenises ahead."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.specs import CorpusSpec
from autointerp.hashing import digest, stable_int
from autointerp.subject.documents import read_documents
from autointerp.subject.model import SubjectModel
from autointerp.subject.packing import Layout, Piece
from autointerp.subject.recipe import Recipe
from autointerp.subject.shelf import Shelf
from autointerp.subject.sources import Identity, identify
from autointerp.subject.tokenising import encoder

FORMAT = 2
FEW_DOCUMENTS = 50  # fewer would leave a split empty too often
PIECE_TOKENS = 1 << 17


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Consecutive rows of the corpus.

    `present` is False at padding, `valid` at special tokens too; `documents` is the stable 63-bit hash of each token's
    document (as `Corpus` counts documents).
    """

    first: int
    tokens: NDArray[np.int32]  # (rows, context)
    documents: NDArray[np.int64]  # (rows, context)
    present: NDArray[np.bool_]  # (rows, context)
    valid: NDArray[np.bool_]  # (rows, context)


class Corpus:
    """All rows of a corpus; a row is known for ever by `fingerprint` and its number.

    With fewer than `FEW_DOCUMENTS` document ids each row counts as a document of its own, so that splits get some: a
    piece of a document in a row then has a hash of the document's id and the row.
    """

    def __init__(self, recipe: Recipe, *, fingerprint: str, folder: Path | None) -> None:
        self.fingerprint = fingerprint
        self._recipe = recipe
        self._special = np.zeros(1 + max(recipe.layout.special, default=0), dtype=np.bool_)
        self._special[list(recipe.layout.special)] = True
        self._by_row: bool | None = None
        self._documents: dict[int, NDArray[np.int64]] = {}  # of the piece last read
        place = folder or Path(tempfile.mkdtemp(prefix="autointerp-tokens-"))
        self._shelf = Shelf(place, recipe.make)
        self._finalizer = weakref.finalize(self, _release, self._shelf, None if folder else place)

    @property
    def rows(self) -> int:
        """The number of rows; waits until all are made."""
        last = self._last()
        return last.begin.piece * self._recipe.piece_rows + last.rows

    @property
    def tokens(self) -> int:
        """The number of tokens, without padding; waits until all are made."""
        return self._last().end.tokens

    @property
    def known_tokens(self) -> int | None:
        """The number of tokens; None while that is not known."""
        return None if self._shelf.last is None else self._shelf.last.end.tokens

    def block(self, first: int, count: int) -> Rows:
        """Return `count` rows from row `first` on; fewer where the corpus ends."""
        each, context = self._recipe.piece_rows, self._recipe.layout.context
        ids, documents = [np.zeros((0, context), dtype=np.int32)], [np.zeros((0, context), dtype=np.int64)]
        lengths = [np.zeros(0, dtype=np.int32)]
        for number in range(first // each, -(-(first + count) // each)):
            if (piece := self._shelf.piece(number)) is None:
                break
            part = slice(max(0, first - number * each), first + count - number * each)
            ids.append(piece.ids[part])
            lengths.append(piece.lengths[part])
            documents.append(self._counted(piece)[part])
        tokens = np.concatenate(ids)
        present = np.arange(context) < np.concatenate(lengths)[:, None]
        special = self._special[np.minimum(tokens, len(self._special) - 1)] & (tokens < len(self._special))
        return Rows(
            first=first,
            tokens=tokens,
            documents=np.concatenate(documents),
            present=present,
            valid=present & ~special,
        )

    def documents(self) -> Iterator[NDArray[np.int64]]:
        """Yield the hashes of the documents in reading order, some at a time; one may come twice."""
        for piece in self._pieces():
            yield np.unique(self._counted(piece)) if self.counts_rows() else piece.hashes

    def interrupted_by(self, check: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `check` again and again while rows are waited for: what it raises ends the waiting."""
        return self._shelf.interrupted_by(check)

    def close(self) -> None:
        """Stop tokenising ahead."""
        self._finalizer()

    def open(self) -> "Corpus":
        """Wait for the first rows; InvalidCorpus when there are none."""
        self._shelf.piece(0)
        return self

    def _pieces(self) -> Iterator[Piece]:
        number = 0
        while (piece := self._shelf.piece(number)) is not None:
            yield piece
            number += 1

    def _last(self) -> Piece:
        number = 0
        while self._shelf.last is None:
            self._shelf.piece(number)
            number += 1
        return self._shelf.last

    def counts_rows(self) -> bool:
        """Say whether each row counts as a document of its own."""
        if self._by_row is None:
            found: set[int] = set()
            for piece in self._pieces():
                found.update(piece.hashes.tolist())
                if len(found) >= FEW_DOCUMENTS:
                    break
            self._by_row = len(found) < FEW_DOCUMENTS
        return self._by_row

    def _counted(self, piece: Piece) -> NDArray[np.int64]:
        """Return the hash of each token's document, as documents are counted."""
        number = piece.begin.piece
        if number not in self._documents:
            documents = piece.documents()
            if self.counts_rows():
                documents = _rows_as_documents(documents, first=number * self._recipe.piece_rows)
            self._documents = {number: documents}
        return self._documents[number]


def open_corpus(
    spec: CorpusSpec, model: SubjectModel, *, context: int, tokens: int, folder: Path | None = None
) -> Corpus:
    """Open a corpus of at most `tokens` tokens, in rows of `context`; InvalidCorpus says what is wrong with it.

    Its token ids are kept in a folder of their own in `folder`, so that nothing is tokenised twice; without one, for as
    long as the corpus is in use.
    """
    source = identify(spec)
    layout, encoded = Layout.of(model, spec, context=context), encoder(model, spec.content)
    fingerprint = _fingerprint(source, layout, encoded.fingerprint, model, tokens)
    recipe = Recipe(
        name=spec.path or spec.kind,
        read=lambda: read_documents(spec),
        check=source.check,
        encode=encoded.encode,
        layout=layout,
        tokens=tokens,
        piece_rows=max(1, PIECE_TOKENS // context),
    )
    return Corpus(recipe, fingerprint=fingerprint, folder=folder and folder / fingerprint).open()


def pack(documents: Sequence[tuple[str, str]], model: SubjectModel, *, context: int, tokens: int) -> Corpus:
    """Pack `documents` (id, text) into rows of `context` tokens, at most `tokens` in all; InvalidCorpus: no text."""
    source = Identity(digest([list(document) for document in documents]), ())
    # Only the layout is asked for, which is that of any text.
    layout, encoded = Layout.of(model, CorpusSpec(kind="stdlib"), context=context), encoder(model, "text")
    recipe = Recipe(
        name="given",
        read=lambda: documents,
        check=source.check,
        encode=encoded.encode,
        layout=layout,
        tokens=tokens,
        piece_rows=max(1, PIECE_TOKENS // context),
    )
    fingerprint = _fingerprint(source, layout, encoded.fingerprint, model, tokens)
    return Corpus(recipe, fingerprint=fingerprint, folder=None).open()


def _fingerprint(source: Identity, layout: Layout, encoded: str, model: SubjectModel, tokens: int) -> str:
    vocabulary = model.vocabulary.fingerprint
    return digest([FORMAT, PIECE_TOKENS, source.digest, layout.fingerprint, encoded, vocabulary, tokens])


def _rows_as_documents(documents: NDArray[np.int64], *, first: int) -> NDArray[np.int64]:
    """Make each row's piece of a document a document of its own, with a hash of the document's and the row."""
    begins = np.ones(documents.shape, dtype=np.bool_)
    begins[:, 1:] = documents[:, 1:] != documents[:, :-1]
    rows, _ = np.nonzero(begins)
    pairs = zip(documents[begins].tolist(), (rows + first).tolist(), strict=True)
    hashes = np.array([stable_int(document, row) for document, row in pairs], dtype=np.int64)
    return hashes[np.cumsum(begins) - 1].reshape(documents.shape)


def _release(shelf: Shelf, folder: Path | None) -> None:
    shelf.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
