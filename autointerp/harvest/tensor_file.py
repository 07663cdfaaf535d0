"""Arrays as a safetensors file, written piece by piece, so that a shard is never in memory twice."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NAMES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int16": "I16",
    "uint16": "U16",
    "int32": "I32",
    "int64": "I64",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
_ALIGNMENT = 8


def pieces_of(arrays: Mapping[str, NDArray[Any]]) -> Iterator[bytes | memoryview]:
    """Yield the file's header and then the bytes of each array (format: the safetensors README, "Format").

    Arrays of wider numbers come first, so that each begins at a multiple of the size of its numbers.
    """
    ordered = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {}
    offset = 0
    for name in ordered:
        array = arrays[name]
        begin, offset = offset, offset + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype.name], "shape": list(array.shape), "data_offsets": [begin, offset]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    yield len(text).to_bytes(8, "little") + text
    for name in ordered:
        yield np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data
