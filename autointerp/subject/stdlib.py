"""The sources of the running Python's standard library as documents."""

import hashlib
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# Tests and third-party code are not the library; `encodings` and `pydoc_data` are generated tables.
EXCLUDED_FOLDERS = frozenset(
    {"__pycache__", "encodings", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tests"}
)
# Generated for one machine, and full of its paths.
EXCLUDED_PREFIX = "_sysconfigdata"


def stdlib_documents(root: Path | None = None) -> Iterator[tuple[str, str]]:
    """Yield (relative path, text) for every source file, in an order shuffled by the hash of the path.

    So the first documents are a fair sample of the whole library, the same on every machine. `root` is the folder of
    the library, if not the running Python's.
    """
    for name, path in stdlib_files(root):
        text = _text(path)
        if text and text.strip():
            yield name, text


def stdlib_files(root: Path | None = None) -> list[tuple[str, Path]]:
    """List the library's source files by relative path, in the order of `stdlib_documents`."""
    root = root or Path(sysconfig.get_path("stdlib"))
    return [(name, root / name) for name in sorted(_names(root), key=_shuffled)]


def _shuffled(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _names(root: Path) -> Iterator[str]:
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if name not in EXCLUDED_FOLDERS]
        for name in files:
            if name.endswith(".py") and not name.startswith(EXCLUDED_PREFIX):
                yield (Path(folder) / name).relative_to(root).as_posix()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
