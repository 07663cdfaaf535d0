"""The corpus text under a harvest's examples, as storage keeps it: once for each context."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.corpus_text import CorpusText
from autointerp.harvest.blocks import BLOCK, Blocks
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.ragged import offsets_of, run_starts

CONTEXTS = 1_000  # in one piece of text


def texts(
    blocks: Blocks, parts: Iterable[Candidates], context: int, *, at_once: int = CONTEXTS
) -> Iterator[CorpusText]:
    """Yield the text of all contexts, of `context` tokens each, that a candidate lies in, some contexts at a time."""
    place, document = _documents(parts, context)
    row, begin = place // context, (place % context).astype(np.int32)
    needed, first = np.unique(row, return_index=True)
    edges = np.append(first, len(row))
    for low in range(0, len(needed), at_once):
        rows = needed[low : low + at_once]
        mine = slice(int(edges[low]), int(edges[low + len(rows)]))
        stretches = _stretches(blocks, rows, context)
        yield CorpusText(*stretches, row[mine], begin[mine], document[mine])


def _documents(parts: Iterable[Candidates], context: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the first window of each document in each context starts, counted through the corpus, and the document."""
    place, document = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for found in parts:
        starts = found.context * context + found.start
        place, first = np.unique(np.concatenate([place, starts]), return_index=True)
        document = np.concatenate([document, found.document])[first]
        begins = run_starts(place // context, document)
        place, document = place[begins], document[begins]
    return place, document


def _stretches(
    blocks: Blocks, rows: NDArray[np.int64], context: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """The text that is kept of some contexts: the context, begin, offsets and tokens of its stretches."""
    low, high = np.searchsorted(blocks.number, [rows[0] * blocks.per_row, (rows[-1] + 1) * blocks.per_row])
    among = np.isin(blocks.number[low:high] // blocks.per_row, rows)
    number, tokens = blocks.number[low:high][among], blocks.tokens[low:high][among]
    row, begin = number // blocks.per_row, (number % blocks.per_row * BLOCK).astype(np.int32)
    first = run_starts(number - np.arange(len(number)), row)
    within = begin[:, None] + np.arange(BLOCK) < context  # what the last block of a row was filled up with is no text
    lengths = np.add.reduceat(within.sum(axis=1), first)
    return row[first], begin[first], offsets_of(lengths), tokens[within]
