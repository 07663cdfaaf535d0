"""What a harvest measured of one feature as bytes: in fixed layouts, because thousands of features are packed a second.

All numbers are little-endian. Examples leave out the documents and tokens of their windows where the text of the corpus
is stored apart (`storage.contexts`); where it is not, tokens take two bytes if every id fits. Activations are a bit a
token, which says whether the feature fires, and the float16 of those that do. What was added later stands at the end,
and is not known of features that were packed before.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.features import BINS
from autointerp.domain.packed import PackedExamples, PackedStatistics, Windows
from autointerp.storage.blobs import pack_numbers, unpack_bytes

_SIZES = struct.Struct("<6I")  # windows, tokens, firing tokens, members, silent examples, bytes a token
_FIRED = struct.Struct("<2I")  # windows of the pool in which the feature fires, bytes a step between two of them
_NUMBERS = struct.Struct("<2q3d5I")  # of the statistics, then how many bins, top tokens, logits (2) and neighbours
_NARROW = 1 << 16
_APART = 0  # bytes a token of examples whose text is stored apart


def pack_examples(packed: PackedExamples, *, text_apart: bool = False) -> bytes:
    """Pack the examples of one feature in one split, without the text of their windows if that is stored apart."""
    windows = packed.windows
    bits = packed.activations.view(np.uint16)
    fires = bits != 0
    firing = np.compress(fires, bits)  # several times as fast as bits[fires]
    width = _APART if text_apart else 2 if int(windows.tokens.max(initial=0)) < _NARROW else 4
    sizes = (len(windows), len(bits), len(firing), len(packed.member_window), len(packed.silent_pool), width)
    columns = (
        (windows.context, "<i8"),
        (windows.document[: 0 if text_apart else None], "<i8"),
        (windows.start, "<i4"),
        (windows.offsets[1:] - windows.offsets[:-1], "<i4"),
        (packed.peak, "<i2"),
        *(() if text_apart else ((windows.tokens, f"<u{width}"),)),
        (np.packbits(fires), "u1"),
        (firing, "<u2"),
        (packed.member_window, "<i4"),
        (packed.member_kind, "u1"),
        (packed.member_index, "<i2"),
        (packed.silent_pool, "<i4"),
        (packed.silent_kind, "u1"),
    )
    return pack_numbers(_joined(_SIZES.pack(*sizes), columns) + _packed_positions(packed.fired_pool))


def unpack_examples(blob: bytes) -> PackedExamples:
    """Return what `pack_examples` was given, without the text of the windows if that was left out."""
    content = _Content(unpack_bytes(blob), _SIZES.size)
    count, tokens, firing, members, silent, width = _SIZES.unpack_from(content.data)
    context, document = content.take("<i8", count), content.take("<i8", count if width else 0)
    start, lengths, peak = content.take("<i4", count), content.take("<i4", count), content.take("<i2", count)
    offsets = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    ids = content.take(f"<u{width}", tokens).astype(np.int32) if width else np.zeros(0, np.int32)
    fires = np.unpackbits(content.take("u1", -(-tokens // 8)), count=tokens).astype(np.bool_)
    bits = np.zeros(tokens, dtype=np.uint16)
    bits[fires] = content.take("<u2", firing)
    return PackedExamples(
        windows=Windows(context=context, document=document, start=start, offsets=offsets, tokens=ids),
        peak=peak,
        activations=bits.view(np.float16),
        member_window=content.take("<i4", members),
        member_kind=content.take("u1", members),
        member_index=content.take("<i2", members),
        silent_pool=content.take("<i4", silent),
        silent_kind=content.take("u1", silent),
        fired_pool=_unpacked_positions(content),
    )


def _packed_positions(positions: NDArray[np.int32] | None) -> bytes:
    if positions is None:
        return b""
    steps = np.diff(positions, prepend=np.int32(0))
    width = 2 if int(steps.max(initial=0)) < _NARROW else 4
    return _FIRED.pack(len(steps), width) + steps.astype(f"<u{width}").tobytes()


def _unpacked_positions(content: "_Content") -> NDArray[np.int32] | None:
    if content.finished:
        return None
    count, width = content.take("<u4", 2).tolist()
    return np.cumsum(content.take(f"<u{width}", count), dtype=np.int32)


def pack_statistics(packed: PackedStatistics) -> bytes:
    """Pack the statistics of one feature; empty bins of the histogram are left out."""
    bins = np.flatnonzero(packed.histogram)
    numbers = (packed.tokens, packed.firings, packed.sum, packed.sum_of_squares, packed.max)
    sizes = (len(bins), len(packed.top_token), len(packed.promoted_token), len(packed.suppressed_token))
    columns = (
        (bins, "<i4"),
        (packed.histogram[bins], "<i8"),
        (packed.top_token, "<i4"),
        (packed.top_count, "<i8"),
        (packed.top_mean, "<f8"),
        (packed.promoted_token, "<i4"),
        (packed.promoted_logit, "<f4"),
        (packed.suppressed_token, "<i4"),
        (packed.suppressed_logit, "<f4"),
        (packed.neighbour, "<i4"),
        (packed.neighbour_cosine, "<f4"),
        (packed.neighbour_coactivation, "<f4"),
    )
    return pack_numbers(_joined(_NUMBERS.pack(*numbers, *sizes, len(packed.neighbour)), columns))


def unpack_statistics(blob: bytes) -> PackedStatistics:
    """Return what `pack_statistics` was given."""
    content = _Content(unpack_bytes(blob), _NUMBERS.size)
    *numbers, bins, top, promoted, suppressed, neighbours = _NUMBERS.unpack_from(content.data)
    histogram = np.zeros(BINS, dtype=np.int64)
    filled = content.take("<i4", bins)
    histogram[filled] = content.take("<i8", bins)
    return PackedStatistics(
        *numbers,
        histogram=histogram,
        top_token=content.take("<i4", top),
        top_count=content.take("<i8", top),
        top_mean=content.take("<f8", top),
        promoted_token=content.take("<i4", promoted),
        promoted_logit=content.take("<f4", promoted),
        suppressed_token=content.take("<i4", suppressed),
        suppressed_logit=content.take("<f4", suppressed),
        neighbour=content.take("<i4", neighbours),
        neighbour_cosine=content.take("<f4", neighbours),
        neighbour_coactivation=content.take("<f4", neighbours),
    )


def _joined(header: bytes, columns: tuple[tuple[NDArray[Any], str], ...]) -> bytes:
    return b"".join([header, *(column.astype(dtype, copy=False).tobytes() for column, dtype in columns)])


class _Content:
    """Takes columns one after the other."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self._offset = offset

    @property
    def finished(self) -> bool:
        return self._offset == len(self.data)

    def take(self, dtype: str, count: int) -> NDArray[Any]:
        column = np.frombuffer(self.data, dtype=np.dtype(dtype), count=count, offset=self._offset)
        self._offset += column.nbytes
        return column
