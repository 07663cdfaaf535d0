"""Shards in files: one safetensors file, and a manifest beside it with the digest of every byte.

Both are written whole or not at all, the manifest last: a shard with a manifest is complete. What a manifest does not
match is a damaged file.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.numpy import load

from autointerp.errors import DamagedFile, InvalidSpec, Unavailable
from autointerp.harvest.location import MISSING, Location, write_whole
from autointerp.harvest.tensor_file import pieces_of
from autointerp.hashing import canonical_json

FORMAT = 2


class Source(BaseModel):
    """What a shard was made from: two shards belong together when all of this but `shard` is equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    spec: str
    corpus: str
    saes: tuple[str, ...]
    features: tuple[int, ...]
    vocabulary: int
    shard: int
    shards: int


class Manifest(BaseModel):
    """What stands beside a shard: its source, how many tokens it covers (`read` with special ones), its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Source
    tokens: int
    read: int
    broken: tuple[int, ...]
    bytes: int
    sha256: str


def shard_path(folder: Location, shard: int, shards: int) -> Location:
    """Return where a shard is kept."""
    return folder / f"shard-{shard:05d}-of-{shards:05d}.safetensors"


def write_shard(
    path: Location, arrays: Mapping[str, NDArray[Any]], source: Source, *, read: int, broken: tuple[int, ...]
) -> Manifest:
    """Write a shard and its manifest; Unavailable when the disk does not take them."""
    digest, size = hashlib.sha256(), 0

    def counted() -> Iterator[bytes | memoryview]:
        nonlocal size
        for piece in pieces_of(arrays):
            digest.update(piece)
            size += len(piece)
            yield piece

    try:
        write_whole(path, counted())
        manifest = Manifest(
            source=source,
            tokens=int(np.asarray(arrays["count"])[0]),
            read=read,
            broken=broken,
            bytes=size,
            sha256=digest.hexdigest(),
        )
        write_whole(manifest_path(path), (canonical_json(manifest.model_dump(mode="json")) + "\n").encode())
    except OSError as error:
        raise Unavailable(f"cannot write the shard {path}: {error.strerror}; make room and start again") from error
    return manifest


def finished(path: Location, source: Source) -> Manifest | None:
    """Return the manifest of the shard at `path` when it is complete, None when there is none or it is damaged.

    InvalidSpec when a shard made from something else is in its place.
    """
    try:
        manifest, _ = _read(path)
    except DamagedFile:
        return None
    if manifest.source != source:
        raise InvalidSpec(
            f"{path} was made from another spec, corpus or SAE; start a new harvest (`autointerp harvest --new`)"
        )
    return manifest


def read_shard(path: Location) -> tuple[Manifest, dict[str, NDArray[Any]]]:
    """Read a shard; DamagedFile when it is missing, incomplete or does not match its manifest."""
    manifest, data = _read(path)
    return manifest, {name: np.asarray(array) for name, array in load(data).items()}


def manifest_path(shard: Location) -> Location:
    """Return where the manifest of a shard is kept."""
    return shard.with_suffix(".json")


def _read(path: Location) -> tuple[Manifest, bytes]:
    try:
        manifest = Manifest.model_validate(json.loads(manifest_path(path).read_bytes()))
        data = path.read_bytes()
    except (*MISSING, ValueError, ValidationError) as error:
        raise DamagedFile(f"the shard {path} is missing or incomplete; harvest it again") from error
    except OSError as error:  # it may be there and in order: nothing is made again because a network is down
        raise Unavailable(f"cannot read the shard {path}: {error.strerror}; try again when it can be read") from error
    own = shard_path(path.parent, manifest.source.shard, manifest.source.shards)
    if path.name != own.name:
        raise DamagedFile(f"{path} holds what belongs into {own.name}; harvest it again")
    if len(data) != manifest.bytes or hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise DamagedFile(f"the shard {path} does not match its digest; harvest it again")
    return manifest, data
