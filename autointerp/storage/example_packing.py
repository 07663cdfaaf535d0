"""The examples of one feature in one split as bytes: in fixed layouts, because thousands are packed a second.

Activations are a bit a token, which says whether the feature fires, and the float16 of those that do. Where the text of
the corpus is stored once (`storage.contexts`), examples leave out the documents and tokens of their windows; what was
imported or harvested before has them. What was added later stands at the end.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.packed import NO_INDEX, PackedExamples, Windows
from autointerp.storage.blobs import pack_numbers, unpack_bytes
from autointerp.storage.columns import NARROW, Columns, joined

_SIZES = struct.Struct("<6I")  # windows, tokens, firing tokens, members, silent examples, bytes a token
_WIDTHS = struct.Struct("<2B")  # without text: bytes of the number of a context, and of any other number
_FIRED = struct.Struct("<2I")  # windows of the pool in which the feature fires, bytes a step between two of them
_APART = 0  # bytes a token of examples without text


def pack_examples(packed: PackedExamples, *, text_apart: bool = False) -> bytes:
    """Pack the examples of one feature in one split, without the text of their windows if that is stored apart."""
    laid_out = _without_text(packed) if text_apart else _with_text(packed)
    return pack_numbers(laid_out + _positions(packed.fired_pool))


def unpack_examples(blob: bytes) -> PackedExamples:
    """Return what `pack_examples` was given, without the text of the windows if that was left out."""
    columns = Columns(unpack_bytes(blob), _SIZES.size)
    count, tokens, firing, members, silent, width = _SIZES.unpack_from(columns.data)
    if width == _APART:
        return _read_without_text(columns, count, tokens, firing, members, silent)
    return _read_with_text(columns, count, tokens, firing, members, silent, width)


def _without_text(packed: PackedExamples) -> bytes:
    """Lay numbers of one width out in one column, for a column costs more time than its numbers."""
    windows, fires, firing = packed.windows, *_firing(packed)
    lengths = windows.offsets[1:] - windows.offsets[:-1]
    index = packed.member_index - np.int16(NO_INDEX)
    parts = (windows.start, lengths, packed.peak, packed.member_window, index, packed.silent_pool)
    numbers = np.concatenate(parts, dtype=np.int32, casting="same_kind")
    of_context = 4 if int(windows.context.max(initial=0)) < 1 << 32 else 8
    width = 2 if int(numbers.max(initial=0)) < NARROW else 4
    columns = (
        (windows.context, f"<u{of_context}"),
        (numbers, f"<u{width}"),
        (packed.member_kind, "u1"),
        (packed.silent_kind, "u1"),
        (np.packbits(fires), "u1"),
        (firing, "<u2"),
    )
    return joined(_sizes(packed, len(firing), _APART) + _WIDTHS.pack(of_context, width), columns)


def _read_without_text(
    columns: Columns, count: int, tokens: int, firing: int, members: int, silent: int
) -> PackedExamples:
    of_context, width = columns.take("u1", 2).tolist()
    context = columns.take(f"<u{of_context}", count).astype(np.int64)
    numbers = columns.take(f"<u{width}", 3 * count + 2 * members + silent)
    edges = np.cumsum([count, count, count, members, members])
    start, lengths, peak, member_window, index, silent_pool = np.split(numbers, edges)
    member_kind, silent_kind = columns.take("u1", members), columns.take("u1", silent)
    activations = _activations(columns, tokens, firing)
    return PackedExamples(
        windows=Windows(
            context=context,
            document=np.zeros(0, np.int64),
            start=start.astype(np.int32),
            offsets=_offsets(lengths),
            tokens=np.zeros(0, np.int32),
        ),
        peak=peak.astype(np.int16),
        activations=activations,
        member_window=member_window.astype(np.int32),
        member_kind=member_kind,
        member_index=(index.astype(np.int32) + NO_INDEX).astype(np.int16),
        silent_pool=silent_pool.astype(np.int32),
        silent_kind=silent_kind,
        fired_pool=_read_positions(columns),
    )


def _with_text(packed: PackedExamples) -> bytes:
    windows, fires, firing = packed.windows, *_firing(packed)
    width = 2 if int(windows.tokens.max(initial=0)) < NARROW else 4
    columns = (
        (windows.context, "<i8"),
        (windows.document, "<i8"),
        (windows.start, "<i4"),
        (windows.offsets[1:] - windows.offsets[:-1], "<i4"),
        (packed.peak, "<i2"),
        (windows.tokens, f"<u{width}"),
        (np.packbits(fires), "u1"),
        (firing, "<u2"),
        (packed.member_window, "<i4"),
        (packed.member_kind, "u1"),
        (packed.member_index, "<i2"),
        (packed.silent_pool, "<i4"),
        (packed.silent_kind, "u1"),
    )
    return joined(_sizes(packed, len(firing), width), columns)


def _read_with_text(
    columns: Columns, count: int, tokens: int, firing: int, members: int, silent: int, width: int
) -> PackedExamples:
    context, document = columns.take("<i8", count), columns.take("<i8", count)
    start, lengths, peak = columns.take("<i4", count), columns.take("<i4", count), columns.take("<i2", count)
    ids = columns.take(f"<u{width}", tokens).astype(np.int32)
    return PackedExamples(
        windows=Windows(context=context, document=document, start=start, offsets=_offsets(lengths), tokens=ids),
        peak=peak,
        activations=_activations(columns, tokens, firing),
        member_window=columns.take("<i4", members),
        member_kind=columns.take("u1", members),
        member_index=columns.take("<i2", members),
        silent_pool=columns.take("<i4", silent),
        silent_kind=columns.take("u1", silent),
        fired_pool=_read_positions(columns),
    )


def _sizes(packed: PackedExamples, firing: int, width: int) -> bytes:
    members, silent = len(packed.member_window), len(packed.silent_pool)
    return _SIZES.pack(len(packed.windows), len(packed.activations), firing, members, silent, width)


def _firing(packed: PackedExamples) -> tuple[NDArray[np.bool_], NDArray[np.uint16]]:
    """Where the feature fires, and its activations there, as the bits they are."""
    bits = packed.activations.view(np.uint16)
    fires = bits != 0
    return fires, np.compress(fires, bits)  # several times as fast as bits[fires]


def _activations(columns: Columns, tokens: int, firing: int) -> NDArray[np.float16]:
    fires = np.unpackbits(columns.take("u1", -(-tokens // 8)), count=tokens).astype(np.bool_)
    bits = np.zeros(tokens, dtype=np.uint16)
    bits[fires] = columns.take("<u2", firing)
    return bits.view(np.float16)


def _offsets(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _positions(positions: NDArray[np.int32] | None) -> bytes:
    if positions is None:
        return b""
    steps = np.diff(positions, prepend=np.int32(0))
    width = 2 if int(steps.max(initial=0)) < NARROW else 4
    return joined(_FIRED.pack(len(steps), width), [(steps, f"<u{width}")])


def _read_positions(columns: Columns) -> NDArray[np.int32] | None:
    if columns.finished:
        return None
    count, width = columns.take("<u4", 2).tolist()
    return np.cumsum(columns.take(f"<u{width}", count), dtype=np.int32)
