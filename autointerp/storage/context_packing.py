"""The text of one context as bytes, in a fixed layout."""

import struct

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.corpus_text import CorpusText
from autointerp.storage.blobs import pack_numbers, unpack_bytes
from autointerp.storage.columns import NARROW, Columns, joined

_SIZES = struct.Struct("<4I")  # stretches, tokens, documents, bytes a token


def pack_context(text: CorpusText) -> bytes:
    """Pack the text of one context; tokens take two bytes where every id fits."""
    width = 2 if int(text.tokens.max(initial=0)) < NARROW else 4
    sizes = _SIZES.pack(len(text.begin), len(text.tokens), len(text.document), width)
    columns = (
        (text.document, "<i8"),
        (text.begin, "<i4"),
        (np.diff(text.offsets), "<i4"),
        (text.document_begin, "<i4"),
        (text.tokens, f"<u{width}"),
    )
    return pack_numbers(joined(sizes, columns))


def unpack_context(context: int, blob: bytes) -> CorpusText:
    """Return what `pack_context` was given, the text of this context."""
    columns = Columns(unpack_bytes(blob), _SIZES.size)
    stretches, tokens, documents, width = _SIZES.unpack_from(columns.data)
    document, begin = columns.take("<i8", documents), columns.take("<i4", stretches)
    offsets = np.concatenate([[0], np.cumsum(columns.take("<i4", stretches), dtype=np.int64)])
    return CorpusText(
        context=_all(context, stretches),
        begin=begin,
        offsets=offsets,
        document_context=_all(context, documents),
        document_begin=columns.take("<i4", documents),
        document=document,
        tokens=columns.take(f"<u{width}", tokens).astype(np.int32),
    )


def _all(context: int, count: int) -> NDArray[np.int64]:
    return np.full(count, context, dtype=np.int64)
