"""The sources of the running Python's standard library as documents, each in one of two splits."""

import hashlib
from collections.abc import Iterator
from typing import Literal

from autointerp.subject.stdlib import stdlib_documents

Split = Literal["train", "validation"]

VALIDATION_SHARE = 0.05


def documents(split: Split) -> Iterator[tuple[str, str]]:
    """Yield (relative path, text) for every source file of `split`, in the order of the paths."""
    yield from sorted((name, text) for name, text in stdlib_documents() if split_of(name) == split)


def split_of(name: str) -> Split:
    """Say which split the file `name` belongs to: a hash of the name, so it holds on every machine."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    return "validation" if share < VALIDATION_SHARE else "train"
