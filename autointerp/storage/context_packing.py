"""The text of one context as bytes, in a fixed layout."""

import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.corpus_text import CorpusText
from autointerp.storage.blobs import pack_numbers, unpack_bytes
from autointerp.storage.columns import NARROW, joined

_SIZES = struct.Struct("<4I")  # stretches, tokens, documents, bytes a token
_TOKENS = {2: np.dtype("<u2"), 4: np.dtype("<u4")}


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


def unpack_contexts(rows: Iterable[tuple[int, bytes]]) -> CorpusText:
    """Return the text of contexts, each with what `pack_context` made of it, in this order.

    A hundred of them are read to show one feature, so what is small is taken as plain numbers and joined at the end.
    """
    tokens: list[NDArray[np.integer]] = [np.zeros(0, np.int32)]
    context, begin, length = [], [], []
    document_context, document_begin, document = [], [], []
    for number, blob in rows:
        data = unpack_bytes(blob)
        stretches, count, documents, width = _SIZES.unpack_from(data)
        small = struct.Struct(f"<{documents}q{2 * stretches + documents}i")
        numbers = small.unpack_from(data, _SIZES.size)
        rest = numbers[documents:]
        context += [number] * stretches
        begin += rest[:stretches]
        length += rest[stretches : 2 * stretches]
        document_context += [number] * documents
        document_begin += rest[2 * stretches :]
        document += numbers[:documents]
        tokens.append(np.frombuffer(data, _TOKENS[width], count, _SIZES.size + small.size))
    return CorpusText(
        context=np.array(context, np.int64),
        begin=np.array(begin, np.int32),
        offsets=np.cumsum([0, *length], dtype=np.int64),
        tokens=np.concatenate(tokens, dtype=np.int32, casting="unsafe"),
        document_context=np.array(document_context, np.int64),
        document_begin=np.array(document_begin, np.int32),
        document=np.array(document, np.int64),
    )
