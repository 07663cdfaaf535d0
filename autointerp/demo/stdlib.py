"""The sources of the running Python's standard library as documents, each in one of two splits."""

import hashlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Split = Literal["train", "validation"]

# Tests and third-party code are not the library; `encodings` is generated character tables.
EXCLUDED_FOLDERS = frozenset({"__pycache__", "encodings", "idlelib", "lib2to3", "site-packages", "test", "tests"})
# Generated for one machine, and full of its paths.
EXCLUDED_PREFIX = "_sysconfigdata"
VALIDATION_SHARE = 0.05


def documents(split: Split) -> Iterator[tuple[str, str]]:
    """Yield (relative path, text) for every source file of `split`, in the order of the paths."""
    root = Path(sysconfig.get_path("stdlib"))
    for name in names(root):
        text = _text(root / name)
        if text is not None and split_of(name) == split:
            yield name, text


def names(root: Path) -> list[str]:
    """List the source files under `root` that count as the library, as sorted POSIX paths relative to it."""
    found = (path.relative_to(root) for path in root.rglob("*.py"))
    return sorted(path.as_posix() for path in found if _belongs(path))


def split_of(name: str) -> Split:
    """Say which split the file `name` belongs to: a hash of the name, so it holds on every machine."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    return "validation" if share < VALIDATION_SHARE else "train"


def _belongs(path: Path) -> bool:
    return EXCLUDED_FOLDERS.isdisjoint(path.parts) and not path.name.startswith(EXCLUDED_PREFIX)


def _text(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.strip() else None
