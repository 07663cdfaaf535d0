"""The text of a corpus as a harvest keeps it: once for each context, whatever the number of windows cut from it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POSITION = np.int64(1 << 32)  # no context has as many tokens


@dataclass(frozen=True, slots=True)
class CorpusText:
    """`s` stretches of tokens and `d` documents, both in the order of contexts and of positions in them.

    Stretch i holds tokens[offsets[i]:offsets[i+1]] from position begin[i] of its context. A document begins at or
    before document_begin[i], and every window there, up to the next one's, is of it.
    """

    context: NDArray[np.int64]  # (s,)
    begin: NDArray[np.int32]  # (s,)
    offsets: NDArray[np.int64]  # (s+1,)
    tokens: NDArray[np.int32]  # (total,)
    document_context: NDArray[np.int64]  # (d,)
    document_begin: NDArray[np.int32]  # (d,)
    document: NDArray[np.int64]  # (d,)

    def by_context(self) -> "Iterator[tuple[int, CorpusText]]":
        """Yield each context with its own text."""
        contexts, first = np.unique(self.context, return_index=True)
        edges = [*first.tolist(), len(self.context)]
        documents = [*np.searchsorted(self.document_context, contexts).tolist(), len(self.document)]
        for i, context in enumerate(contexts.tolist()):
            mine, theirs = slice(edges[i], edges[i + 1]), slice(documents[i], documents[i + 1])
            offsets = self.offsets[edges[i] : edges[i + 1] + 1]
            yield (
                context,
                CorpusText(
                    self.context[mine],
                    self.begin[mine],
                    offsets - offsets[0],
                    self.tokens[offsets[0] : offsets[-1]],
                    self.document_context[theirs],
                    self.document_begin[theirs],
                    self.document[theirs],
                ),
            )

    def read(
        self, context: NDArray[np.int64], start: NDArray[np.int32], length: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the tokens of `n` windows, one window after the other (total,), and the document of each (n,).

        LookupError when the text of one of them is not here.
        """
        wanted = context * POSITION + start
        stretch = np.searchsorted(self.context * POSITION + self.begin, wanted, side="right") - 1
        document = np.searchsorted(self.document_context * POSITION + self.document_begin, wanted, side="right") - 1
        there = (stretch >= 0) & (document >= 0)
        mine, its = stretch[there], document[there]
        begin, length_kept = self.begin[mine], self.offsets[mine + 1] - self.offsets[mine]
        there[there] = (
            (self.context[mine] == context[there])
            & (self.document_context[its] == context[there])
            & ((start + length)[there] <= begin + length_kept)
        )
        if not there.all():
            raise LookupError(f"no text of context {int(context[~there][0])}")
        edges = np.concatenate([[0], np.cumsum(length)])
        places = np.arange(edges[-1]) + np.repeat(self.offsets[mine] + (start - begin) - edges[:-1], length)
        return self.tokens[places], self.document[document]
