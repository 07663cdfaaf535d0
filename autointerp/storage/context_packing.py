"""The text of one context as bytes, in a fixed layout; all numbers are little-endian."""

import struct

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.corpus_text import CorpusText
from autointerp.storage.blobs import pack_numbers, unpack_bytes

_SIZES = struct.Struct("<3I")  # stretches, documents, bytes a token
_NARROW = 1 << 16


def pack_context(text: CorpusText) -> bytes:
    """Pack the text of one context; tokens take two bytes where every id fits."""
    width = 2 if int(text.tokens.max(initial=0)) < _NARROW else 4
    columns = (
        text.document.astype("<i8"),
        text.begin.astype("<i4"),
        np.diff(text.offsets).astype("<i4"),
        text.document_begin.astype("<i4"),
        text.tokens.astype(f"<u{width}"),
    )
    sizes = _SIZES.pack(len(text.begin), len(text.document), width)
    return pack_numbers(sizes + b"".join(column.tobytes() for column in columns))


def unpack_context(context: int, blob: bytes) -> CorpusText:
    """Return what `pack_context` was given, the text of this context."""
    data = unpack_bytes(blob)
    stretches, documents, width = _SIZES.unpack_from(data)
    places = _SIZES.size + 8 * documents
    numbers = np.frombuffer(data, "<i4", 2 * stretches + documents, places)
    return CorpusText(
        context=_all(context, stretches),
        begin=numbers[:stretches],
        offsets=np.concatenate([[0], np.cumsum(numbers[stretches : 2 * stretches], dtype=np.int64)]),
        tokens=np.frombuffer(data, f"<u{width}", offset=places + numbers.nbytes).astype(np.int32),
        document_context=_all(context, documents),
        document_begin=numbers[2 * stretches :],
        document=np.frombuffer(data, "<i8", documents, _SIZES.size),
    )


def _all(context: int, count: int) -> NDArray[np.int64]:
    return np.full(count, context, dtype=np.int64)
