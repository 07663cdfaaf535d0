"""Where shards are kept: a folder of this machine or its network, or an object store, by an fsspec URL.

A file appears whole or not at all. In a folder it is written under a temporary name, flushed to the disk and renamed;
an object store takes whole objects, and what a driver leaves half-written does not match its manifest.
"""

import os
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autointerp.errors import InvalidInput

MISSING = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A path on an fsspec file system, with the few verbs of `pathlib.Path` that shards need.

    Whatever goes wrong in a driver is an OSError here, as it is on a disk.
    """

    system: Any  # fsspec.AbstractFileSystem, which is untyped
    path: str

    def __truediv__(self, name: str) -> "RemotePath":
        return replace(self, path=f"{self.path.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return str(self.system.unstrip_protocol(self.path))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> "RemotePath":
        """The folder that holds it."""
        return replace(self, path=self.path.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> "RemotePath":
        """Return the path with another ending of its name."""
        return self.parent / f"{self.name.rpartition('.')[0] or self.name}{suffix}"

    def read_bytes(self) -> bytes:
        """Return the content; FileNotFoundError when there is none."""
        with _as_on_a_disk():
            return bytes(self.system.cat_file(self.path))

    def write_bytes(self, data: bytes) -> None:
        """Put the content there, in place of what there was."""
        with _as_on_a_disk():
            try:
                self.system.pipe_file(self.path, data)
            except FileNotFoundError:  # unlike an object store it has folders, and this one is missing
                self.system.makedirs(self.parent.path, exist_ok=True)
                self.system.pipe_file(self.path, data)

    def unlink(self) -> None:
        """Delete the file; FileNotFoundError or nothing where there is none, as the file system has it."""
        with _as_on_a_disk():
            self.system.rm_file(self.path)


Location = Path | RemotePath


def open_location(url: str) -> Location:
    """Return the folder that a path or an fsspec URL names; InvalidInput when nothing here can read such a URL."""
    protocol, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    if protocol in ("file", "local"):
        return Path(rest)
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise InvalidInput(f"shards at {protocol}:// need fsspec; pip install fsspec, or name a folder") from error
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise InvalidInput(f"shards at {protocol}:// need another package: {error}; or name a folder") from error
    except ValueError as error:
        raise InvalidInput(
            f"{protocol}:// is no place for shards ({error}); name a folder, or a URL that fsspec reads, such as s3://"
        ) from error
    return RemotePath(system, str(path))


def write_whole(path: Location, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Write a file, in one piece or in several, so that it is there whole or not at all, even after a power cut.

    OSError when it cannot be written.
    """
    pieces = [data] if isinstance(data, bytes) else data
    if isinstance(path, RemotePath):
        path.write_bytes(b"".join(pieces))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def delete(path: Location) -> None:
    """Delete a file that may be missing; OSError when it cannot be deleted."""
    with suppress(*MISSING):
        path.unlink()


def names_in(folder: Location) -> frozenset[str]:
    """Return what stands in a folder, as it is now; nothing where there is no folder."""
    with suppress(*MISSING):
        if isinstance(folder, Path):
            return frozenset(path.name for path in folder.iterdir())
        with _as_on_a_disk():
            folder.system.invalidate_cache(folder.path)
            found: list[str] = folder.system.ls(folder.path, detail=False)
            return frozenset(path.rstrip("/").rpartition("/")[2] for path in found)
    return frozenset()


def remove_folder(folder: Location) -> None:
    """Delete a folder with everything in it; OSError when that cannot be done."""
    with suppress(*MISSING):
        if isinstance(folder, Path):
            shutil.rmtree(folder)
        else:
            with _as_on_a_disk():
                folder.system.rm(folder.path, recursive=True)


@contextmanager
def _as_on_a_disk() -> Generator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(None, f"{type(error).__name__}: {error}") from error
