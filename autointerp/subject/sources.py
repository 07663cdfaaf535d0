"""What a corpus is read from, known by its content: a changed file is another source, a moved folder is the same."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from autointerp.domain.specs import CORPUS_FILES, CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.hashing import digest
from autointerp.subject.hub import Absent, dataset_commit
from autointerp.subject.stdlib import stdlib_files

# What says how a corpus is laid out into rows, and not which documents it has.
_LAYOUT = {"path", "layout", "long", "streaming"}
_NAMED = ("jsonl", "parquet")  # kinds that can be read off a file's name

Stamp = tuple[Path, int, int, int]  # a file, its size, its time of change in nanoseconds, its inode


@dataclass(frozen=True, slots=True)
class Identity:
    """The digest of a source's content, and the stamps by which a change of its files is seen."""

    digest: str
    stamps: tuple[Stamp, ...]

    def check(self) -> None:
        """InvalidCorpus when a file is no longer what it was."""
        for stamp in self.stamps:
            try:
                same = _stamp(stamp[0]) == stamp
            except OSError:
                same = False
            if not same:
                raise InvalidCorpus(f"{stamp[0]} changed while it was read; start a new harvest when it is complete")


def identify(spec: CorpusSpec) -> Identity:
    """Identify a corpus by the bytes of its files, or by the commit on the hub; InvalidCorpus when it is not there.

    Files are hashed once, and again only when their size or time of change is another.
    """
    options = spec.model_dump(mode="json", exclude=_LAYOUT)
    path = Path(str(spec.path)).expanduser()
    if spec.kind == "dataset" and not path.is_dir():
        if path.exists():
            kind = _kind_of(path)
            how = f'set kind to "{kind}"' if kind else 'set kind to "text" to read it as one document'
            raise InvalidCorpus(f"{path} is a file and no data set; {how}")
        try:
            commit = dataset_commit(str(spec.path), spec.revision)
        except Absent as error:
            raise InvalidCorpus(f"cannot open the data set {spec.path}: {error}") from error
        return Identity(digest({**options, "path": spec.path, "commit": commit}), ())
    try:
        stamps = tuple((name, _stamp(path)) for name, path in _named_files(spec))
        content = [[name, _sha256(stamp)] for name, stamp in stamps]
    except OSError as error:
        raise InvalidCorpus(f"cannot read {error.filename}: {error.strerror}") from error
    return Identity(digest({**options, "files": content}), tuple(stamp for _, stamp in stamps))


def files_on_disk(spec: CorpusSpec) -> list[Path]:
    """Return the files of this machine that a corpus is read from; none for the standard library and the hub."""
    path = Path(str(spec.path)).expanduser()
    if spec.kind == "stdlib" or (spec.kind == "dataset" and not path.is_dir()):
        return []
    return [found for _, found in _named_files(spec)]


def files(spec: CorpusSpec) -> list[Path]:
    """Return the file itself, or the folder's files of the corpus's kind, at any depth, sorted."""
    path = Path(str(spec.path)).expanduser()
    if path.is_file():
        if (kind := _kind_of(path)) not in (None, spec.kind) and {kind, spec.kind} != {"jsonl", "text"}:
            raise InvalidCorpus(f'{path} is no file of kind "{spec.kind}"; set kind to "{kind}"')
        return [path]
    if not path.is_dir():
        raise InvalidCorpus(f"there is no corpus {path}; give a file or a folder")
    found = _files_of(path, spec.kind)
    if not found:
        raise InvalidCorpus(f"the folder {path} holds no {_asked_for(spec.kind)}{_instead(path)}")
    return found


def _files_of(folder: Path, kind: str) -> list[Path]:
    return sorted({file for pattern in CORPUS_FILES[kind] for file in folder.rglob(pattern) if _visible(file)})


def _kind_of(path: Path) -> str | None:
    """The kind that a file's name says it is of."""
    return next((kind for kind in _NAMED for pattern in CORPUS_FILES[kind] if path.match(pattern)), None)


def _asked_for(kind: str) -> str:
    return f"{' or '.join(CORPUS_FILES[kind])} files" if kind in _NAMED else "files"


def _instead(folder: Path) -> str:
    """What to do about a folder without the files that were asked for."""
    kind = next((kind for kind in CORPUS_FILES if _files_of(folder, kind)), None)
    return "; put some there, or name another folder" if kind is None else f'; set kind to "{kind}" for those it has'


def _named_files(spec: CorpusSpec) -> Iterable[tuple[str, Path]]:
    """The files that a corpus on disk is read from, named as they are in its folder."""
    if spec.kind == "stdlib":
        return stdlib_files()
    root = Path(str(spec.path)).expanduser()
    found = _dataset_files(root) if spec.kind == "dataset" else files(spec)
    return ((path.relative_to(root).as_posix() if root.is_dir() else path.name, path) for path in found)


def _dataset_files(root: Path) -> Iterator[Path]:
    """All files of a data set's folder but those that the library keeps beside it."""
    return (path for path in sorted(root.rglob("*")) if _visible(path) and not path.name.startswith("cache-"))


def _visible(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return path, found.st_size, found.st_mtime_ns, found.st_ino


@lru_cache(maxsize=100_000)
def _sha256(stamp: Stamp) -> str:
    with stamp[0].open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
