"""Arrays and records as compressed bytes: a mark, a version, a checksum, then a Zstandard frame."""

import json
import struct
import threading
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from autointerp.errors import DamagedFile

MARK = b"AIB"
VERSION = 2
HEADER = struct.Struct(">3sBII")  # mark, version, length and CRC-32 of the content
LEVEL = 1  # as small as zlib's default within a tenth, and several times as fast
# Numbers hardly repeat. A table of matches that stays in the processor's cache, and matches of six bytes or more, leave
# examples a hundredth larger, and a feature takes a tenth to a quarter less time to pack and store.
OF_NUMBERS = {"hash_log": 10, "chain_log": 10, "window_log": 17, "min_match": 6, "search_log": 1, "target_length": 0}

Array = NDArray[Any]


class _Own(threading.local):
    """What a thread compresses with; one that is shared between threads would garble."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        settings = zstandard.ZstdCompressionParameters(strategy=zstandard.STRATEGY_FAST, **OF_NUMBERS)
        self.of_numbers = zstandard.ZstdCompressor(compression_params=settings)
        self.decompressor = zstandard.ZstdDecompressor()


_own = _Own()


def pack_bytes(content: bytes) -> bytes:
    """Compress `content` behind a header that tells damage."""
    return _header(content) + _own.compressor.compress(content)


def pack_numbers(content: bytes) -> bytes:
    """Compress `content` as `pack_bytes` does, but for bytes that are numbers."""
    return _header(content) + _own.of_numbers.compress(content)


def _header(content: bytes) -> bytes:
    return HEADER.pack(MARK, VERSION, len(content), zlib.crc32(content))


def unpack_bytes(blob: bytes) -> bytes:
    """Return what `pack_bytes` was given; DamagedFile when the blob is not what was written."""
    try:
        mark, version, length, checksum = HEADER.unpack_from(blob)
        if mark != MARK or version != VERSION:
            raise DamagedFile("a stored record has an unknown format; it was written by another version or is damaged")
        frame = memoryview(blob)[HEADER.size :]
        if zstandard.frame_content_size(frame) != length:  # or a damaged frame could ask for any amount of memory
            raise DamagedFile("a stored record is damaged; restore the database from a copy")
        content = _own.decompressor.decompress(frame, allow_extra_data=False)
    except (struct.error, zstandard.ZstdError) as error:
        raise DamagedFile("a stored record is damaged; restore the database from a copy") from error
    if zlib.crc32(content) != checksum:
        raise DamagedFile("a stored record is damaged; restore the database from a copy")
    return content


def pack_json(value: Any) -> bytes:
    """Compress `value` as JSON; any float and any text comes back as it was."""
    return pack_bytes(json.dumps(value, separators=(",", ":")).encode())


def unpack_json(blob: bytes) -> Any:
    """Return what `pack_json` was given, tuples as lists."""
    return json.loads(unpack_bytes(blob))


def pack_arrays(arrays: Mapping[str, Array]) -> bytes:
    """Compress one-dimensional arrays with their names and types, little-endian on every machine."""
    little = {name: np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    header = json.dumps([[name, array.dtype.str, array.shape[0]] for name, array in little.items()]).encode()
    return pack_bytes(b"".join([struct.pack(">I", len(header)), header, *(a.tobytes() for a in little.values())]))


def unpack_arrays(blob: bytes) -> dict[str, Array]:
    """Return what `pack_arrays` was given; the arrays cannot be written."""
    content = unpack_bytes(blob)
    (length,) = struct.unpack_from(">I", content)
    offset = 4 + length
    arrays: dict[str, Array] = {}
    for name, dtype, count in json.loads(content[4:offset]):
        arrays[name] = np.frombuffer(content, dtype=np.dtype(dtype), count=count, offset=offset)
        offset += arrays[name].nbytes
    return arrays
