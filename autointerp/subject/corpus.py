"""The corpus as rows of tokens: documents one after the other, cut into contexts of one length."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.documents import read_documents
from autointerp.subject.model import SubjectModel
from autointerp.subject.packing import Layout, Packer, rows_as_documents, tokenise

FEW_DOCUMENTS = 50  # fewer would leave a split empty too often


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Consecutive rows of the corpus.

    `valid` is False at special tokens and at padding, `documents` the stable 63-bit hash of each token's document
    (as `pack` counts documents).
    """

    first: int
    tokens: NDArray[np.int32]  # (rows, context)
    documents: NDArray[np.int64]  # (rows, context)
    valid: NDArray[np.bool_]  # (rows, context)


@dataclass(frozen=True, eq=False, slots=True)
class Corpus:
    """All rows of a corpus, held as token ids and document numbers (8 bytes a token); `tokens` leaves out padding."""

    fingerprint: str
    rows: int
    tokens: int
    layout: Layout
    ids: NDArray[np.int32]  # (rows, context)
    numbers: NDArray[np.int32]  # (rows, context) position in `hashes`
    hashes: NDArray[np.int64]  # (documents,)

    def block(self, first: int, count: int) -> Rows:
        """Return `count` rows from row `first` on; fewer where the corpus ends."""
        ids = self.ids[first : first + count]
        places = np.arange(ids.size).reshape(ids.shape) + first * ids.shape[1]
        valid = (places < self.tokens) & ~np.isin(ids, self.layout.special)
        return Rows(first=first, tokens=ids, documents=self.hashes[self.numbers[first : first + count]], valid=valid)


def open_corpus(spec: CorpusSpec, model: SubjectModel, *, context: int, tokens: int) -> Corpus:
    """Read, tokenise and pack documents until there are `tokens` tokens; InvalidCorpus says what is wrong."""
    corpus = pack(read_documents(spec), model, context=context, tokens=tokens)
    if corpus is None:
        raise InvalidCorpus(f"the corpus {spec.path or spec.kind} holds no text; give one that does")
    return corpus


def pack(documents: Iterable[tuple[str, str]], model: SubjectModel, *, context: int, tokens: int) -> Corpus | None:
    """Pack `documents` (id, text) into rows of `context` tokens, at most `tokens` in all; None: there is no text.

    With fewer than `FEW_DOCUMENTS` document ids each row counts as a document of its own, so that splits get some:
    a piece of a document in a row then has a hash of the document's id and the row.
    """
    layout = Layout.of(model, context=context)
    packer = Packer(layout, budget=tokens)
    for document, ids in tokenise(documents, model, budget=tokens):
        packer.add(document, ids)
        if packer.full:
            break
    if packer.empty:
        return None
    ids, numbers, hashes, count = packer.finish()
    if np.unique(hashes).size < FEW_DOCUMENTS:
        numbers, hashes = rows_as_documents(numbers, hashes)
    return Corpus(
        fingerprint=_fingerprint(ids, numbers, hashes, count, model),
        rows=len(ids),
        tokens=count,
        layout=layout,
        ids=ids,
        numbers=numbers,
        hashes=hashes,
    )


def _fingerprint(
    ids: NDArray[np.int32], numbers: NDArray[np.int32], hashes: NDArray[np.int64], count: int, model: SubjectModel
) -> str:
    found = hashlib.sha256(f"{ids.shape} {count} {model.vocabulary.fingerprint}".encode())
    for array in (ids, numbers, hashes):
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
