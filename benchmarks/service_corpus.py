"""The corpus of a synthetic catalogue: rows of tokens, in documents of 64 tokens, each of one split."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.corpus_text import CorpusText
from autointerp.domain.examples import Split
from autointerp.domain.packed import Windows

ROW, WINDOW, DOCUMENT = 256, 32, 64
AT_ONCE = 1_000  # rows in a piece of text
VOCABULARY = 32_000


class SyntheticCorpus:
    """Frequent and rare tokens, and documents with ids that tell their split."""

    def __init__(self, tokens: int, rng: np.random.Generator) -> None:
        frequency = 1 / (np.arange(VOCABULARY) + 3.0)
        self.rows = tokens // ROW
        self.tokens = rng.choice(VOCABULARY, p=frequency / frequency.sum(), size=(self.rows, ROW)).astype(np.int32)
        documents = rng.integers(0, 2**61, (self.rows, ROW // DOCUMENT))
        self.documents = documents - documents % len(Split) + rng.integers(0, len(Split), documents.shape)
        by_window = np.repeat(self.documents, DOCUMENT // WINDOW, axis=1).reshape(-1)
        self._of_split = [np.flatnonzero(by_window % len(Split) == k) for k in range(len(Split))]
        self._rng = rng

    def windows(self, split: NDArray[np.int64]) -> Windows:
        """Draw a window of each of these splits."""
        place = np.array([self._of_split[k][self._rng.integers(len(self._of_split[k]))] for k in split.tolist()])
        row, start = place // (ROW // WINDOW), place % (ROW // WINDOW) * WINDOW
        return Windows(
            context=row,
            document=self.documents[row, start // DOCUMENT],
            start=start.astype(np.int32),
            offsets=np.arange(len(split) + 1, dtype=np.int64) * WINDOW,
            tokens=self.tokens[row[:, None], start[:, None] + np.arange(WINDOW)].reshape(-1),
        )

    def texts(self) -> Iterator[CorpusText]:
        """Yield the whole text, some rows at a time."""
        for first in range(0, self.rows, AT_ONCE):
            rows = np.arange(first, min(first + AT_ONCE, self.rows))
            per_row = ROW // DOCUMENT
            yield CorpusText(
                context=rows,
                begin=np.zeros(len(rows), np.int32),
                offsets=np.arange(len(rows) + 1) * ROW,
                tokens=self.tokens[rows].reshape(-1),
                document_context=np.repeat(rows, per_row),
                document_begin=np.tile(np.arange(per_row, dtype=np.int32) * DOCUMENT, len(rows)),
                document=self.documents[rows].reshape(-1),
            )
