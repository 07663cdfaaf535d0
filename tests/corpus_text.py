"""Pieces of a corpus's text put together, to be compared with the whole."""

from collections.abc import Iterable

import numpy as np

from autointerp.domain.corpus_text import CorpusText

_NONE, _PLACES = np.zeros(0, np.int64), np.zeros(0, np.int32)
EMPTY = CorpusText(_NONE, _PLACES, np.zeros(1, np.int64), _PLACES, _NONE, _PLACES, _NONE)


def joined(pieces: Iterable[CorpusText]) -> CorpusText:
    """The text of pieces that follow one another."""
    parts = [EMPTY, *pieces]
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in CorpusText.__slots__
        if name != "offsets"
    }
    return CorpusText(**columns, offsets=np.concatenate([[0], np.cumsum(lengths)]))
