"""The statistics of one feature as bytes: in a fixed layout, because thousands of features are packed a second."""

import struct

import numpy as np

from autointerp.domain.features import BINS
from autointerp.domain.packed import PackedStatistics
from autointerp.storage.blobs import pack_numbers, unpack_bytes
from autointerp.storage.columns import Columns, joined

_NUMBERS = struct.Struct("<2q3d5I")  # of the statistics, then how many bins, top tokens, logits (2) and neighbours


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
    return pack_numbers(joined(_NUMBERS.pack(*numbers, *sizes, len(packed.neighbour)), columns))


def unpack_statistics(blob: bytes) -> PackedStatistics:
    """Return what `pack_statistics` was given."""
    content = Columns(unpack_bytes(blob), _NUMBERS.size)
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
