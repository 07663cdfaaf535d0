"""What `--corpus` names: its kind is read off the name and off what is there."""

from pathlib import Path

from autointerp.domain.specs import CORPUS_FILES
from autointerp.errors import InvalidInput

FIELDED = ("jsonl", "parquet")
SAVED = ("state.json", "dataset_dict.json")


def read_corpus(name: str) -> dict[str, str]:
    """Return the kind and path of a corpus: a file, a folder, a data set that was saved or is on the hub, or stdlib."""
    if not name:
        raise InvalidInput("--corpus is empty; name a file, a folder or a data set, or stdlib")
    if name == "stdlib":
        return {"kind": "stdlib"}
    return {"kind": _kind(name), "path": name}


def _kind(name: str) -> str:
    path = Path(name).expanduser()
    if path.is_dir():
        if any((path / mark).is_file() for mark in SAVED):
            return "dataset"
        return next((kind for kind in FIELDED if any(any(path.rglob(one)) for one in CORPUS_FILES[kind])), "text")
    return next((kind for kind in FIELDED if any(map(path.match, CORPUS_FILES[kind]))), _other(name, path))


def _other(name: str, path: Path) -> str:
    """A hub id is the name of an owner and one of a data set; what looks like a file is one."""
    on_hub = not path.exists() and not path.suffix and name.count("/") == 1 and name[0] not in "./~"
    return "dataset" if on_hub else "text"
