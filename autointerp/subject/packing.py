"""Packs tokenised documents into rows of one length."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import InvalidModel
from autointerp.hashing import stable_int
from autointerp.subject.model import SubjectModel

BATCH_DOCUMENTS = 128
BATCH_CHARACTERS = 1 << 20
# Characters behind the budget that the last token may depend on.
MARGIN = 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows are laid out: with a BOS token before every document and at the start of every row (as models that
    have one are trained and read), else with an EOS token after every document, else with nothing between them."""

    context: int
    bos: int | None
    eos: int | None
    pad: int
    special: tuple[int, ...]

    @classmethod
    def of(cls, model: SubjectModel, *, context: int) -> "Layout":
        """Choose the separators that the model's tokenizer has; InvalidModel when the context is too long for it."""
        if context > model.max_context:
            raise InvalidModel(
                f"a context of {context} tokens is longer than the {model.max_context} of {model.name}; "
                f"set context to {model.max_context} or less"
            )
        bos, eos = model.tokenizer.bos_token_id, model.tokenizer.eos_token_id
        pad = next((int(i) for i in (model.tokenizer.pad_token_id, eos, bos) if isinstance(i, int)), 0)
        return cls(
            context=context,
            bos=bos if isinstance(bos, int) else None,
            eos=eos if isinstance(eos, int) and not isinstance(bos, int) else None,
            pad=pad,
            special=tuple(sorted(model.vocabulary.special)),
        )


class Packer:
    """Rows in the making; `budget` is the number of tokens, separators included, at which they are full."""

    def __init__(self, layout: Layout, *, budget: int) -> None:
        self._layout = layout
        self._budget = budget
        self._ids = array("i")
        self._numbers = array("i")
        self._hashes = array("q")

    @property
    def full(self) -> bool:
        """Whether the budget is reached."""
        return len(self._ids) >= self._budget

    @property
    def empty(self) -> bool:
        """Whether no document had any text."""
        return not self._hashes

    def add(self, document: str, ids: Sequence[int]) -> None:
        """Append a document, as far as the budget goes."""
        if not ids or self.full:
            return
        number = len(self._hashes)
        self._hashes.append(stable_int(document))
        start = len(self._ids)
        self._append(ids)
        self._numbers.extend([number] * (len(self._ids) - start))

    def finish(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], int]:
        """Return ids and document numbers as rows, the documents' hashes, and the number of tokens without padding."""
        count = min(len(self._ids), self._budget)
        ids = np.frombuffer(self._ids, dtype=np.int32)[:count]
        numbers = np.frombuffer(self._numbers, dtype=np.int32)[:count]
        padding = (0, -count % self._layout.context)
        shape = (-1, self._layout.context)
        return (
            np.pad(ids, padding, constant_values=self._layout.pad).reshape(shape),
            np.pad(numbers, padding, mode="edge").reshape(shape),
            np.frombuffer(self._hashes, dtype=np.int64).copy(),
            count,
        )

    def _append(self, ids: Sequence[int]) -> None:
        layout = self._layout
        if layout.bos is None:
            self._ids.extend([*ids, *([] if layout.eos is None else [layout.eos])])
            return
        done = 0
        while done < len(ids) and not self.full:
            if done == 0 or len(self._ids) % layout.context == 0:
                self._ids.append(layout.bos)
            room = layout.context - len(self._ids) % layout.context
            if room == layout.context:
                continue  # the separator was the row's last token
            self._ids.extend(ids[done : done + room])
            done += room


def rows_as_documents(
    numbers: NDArray[np.int32], hashes: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Make each row's piece of a document a document of its own, with a hash of the document's and the row."""
    begins = np.ones(numbers.shape, dtype=np.bool_)
    begins[:, 1:] = numbers[:, 1:] != numbers[:, :-1]
    rows, _ = np.nonzero(begins)
    owners = hashes[numbers[begins]]
    pieces = [stable_int(owner, row) for owner, row in zip(owners.tolist(), rows.tolist(), strict=True)]
    places = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    return places.reshape(numbers.shape), np.array(pieces, dtype=np.int64)


def tokenise(
    documents: Iterable[tuple[str, str]], model: SubjectModel, *, budget: int
) -> Iterator[tuple[str, list[int]]]:
    """Yield (document id, token ids) without special tokens; a text naming a special token is read as text.

    No text is tokenised far beyond `budget` tokens, however long the document.
    """
    longest = max(len(token) for token in model.vocabulary.tokens)
    limit = budget * longest + MARGIN
    for batch in _batches(documents):
        texts = [text[:limit] for _, text in batch]
        encoded = model.tokenizer(
            texts,
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        yield from zip((document for document, _ in batch), encoded["input_ids"], strict=True)


def _batches(documents: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    characters = 0
    for document, text in documents:
        batch.append((document, text))
        characters += len(text)
        if len(batch) == BATCH_DOCUMENTS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
