"""Archives: a folder with a file for each noun, as JSON lines or Parquet, and a manifest that is written last."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from autointerp.errors import InvalidInput
from autointerp.exchange import lines, tables
from autointerp.exchange.nouns import NOUNS, Noun
from autointerp.exchange.references import References
from autointerp.storage import upkeep
from autointerp.storage.archive.inward import finish_harvests
from autointerp.storage.archive.outward import Outward
from autointerp.storage.engine import Database

MANIFEST = "manifest.json"
VERSION = 1
Kind = Literal["jsonl", "parquet"]
T = TypeVar("T")


class Manifest(BaseModel):
    """What an archive holds: how many rows each of its files has."""

    format: Literal["autointerp"]
    version: int
    kind: Kind
    rows: dict[str, int]


def write(database: Database, folder: Path, *, kind: Kind, harvest_id: str | None) -> dict[str, int]:
    """Write everything, or what belongs to one harvest, and return how many rows each file has."""
    with database.read() as session:  # one for all, so that what is stored meanwhile is in no file
        outward = Outward(session, harvest_id)
        rows = {noun.name: _write(noun, outward, folder, kind) for noun in NOUNS}
    manifest = Manifest(format="autointerp", version=VERSION, kind=kind, rows=rows)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return rows


def read(database: Database, folder: Path) -> dict[str, int]:
    """Store an archive and return how many rows were read; nothing is stored when any of them is broken."""
    manifest = _manifest(folder)
    references = References()
    for noun in NOUNS:
        _check(noun, folder, manifest, references)
    for noun in NOUNS:
        for batch in batches(_read(noun, folder, manifest.kind), noun.batch):
            with database.write() as session:
                noun.store(session, batch)
    harvests = next(noun for noun in NOUNS if noun.name == "harvests")
    for batch in batches(_read(harvests, folder, manifest.kind), harvests.batch):
        with database.write() as session:
            finish_harvests(session, [row.id for row in batch])
    upkeep.settle(database)
    return manifest.rows


def batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield rows in lists of `size`, the last one shorter."""
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except OSError:
        raise InvalidInput(f"{folder} has no {MANIFEST}; it is no archive, or its export was broken off") from None
    manifest = lines.parse(content, Manifest, str(path))
    if manifest.version != VERSION:
        raise InvalidInput(f"{folder} is an archive of version {manifest.version}; this program reads {VERSION}")
    return manifest


def _check(noun: Noun, folder: Path, manifest: Manifest, references: References) -> None:
    expected, path = manifest.rows.get(noun.name), _path(noun, folder, manifest.kind)
    found = 0
    for row in _read(noun, folder, manifest.kind):
        references.note(row, str(path))
        found += 1
    if found != expected:
        raise InvalidInput(f"{path} has {found} rows, and the manifest says {expected}; the archive is not whole")


def _write(noun: Noun, outward: Outward, folder: Path, kind: Kind) -> int:
    path = _path(noun, folder, kind)
    if kind == "jsonl":
        return lines.write(path, noun.read(outward))
    return tables.write(path, noun.record, noun.read(outward))


def _read(noun: Noun, folder: Path, kind: Kind) -> Iterator[Any]:
    path = _path(noun, folder, kind)
    return lines.read(path, noun.record) if kind == "jsonl" else tables.read(path, noun.record)


def _path(noun: Noun, folder: Path, kind: Kind) -> Path:
    return folder / f"{noun.name}.{kind}"
