"""Documents of a corpus, one at a time, from files, data sets and the standard library."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.hub import Absent, only_local
from autointerp.subject.stdlib import stdlib_documents

Document = tuple[str, str]
Row = tuple[str, dict[str, Any]]


def read_documents(spec: CorpusSpec) -> Iterator[Document]:
    """Yield (document id, text) in a fixed order; InvalidCorpus says what cannot be read."""
    return itertools.islice(_READERS[spec.kind](spec), spec.documents)


def _read_jsonl(spec: CorpusSpec) -> Iterator[Document]:
    return _documents(spec, itertools.chain.from_iterable(_json_lines(path) for path in _files(spec, "*.jsonl")))


def _json_lines(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path.name}:{number}", _json_object(path, number, line)
    except UnicodeDecodeError as error:
        raise InvalidCorpus(f"{path} is not UTF-8 text; convert it first") from error
    except OSError as error:
        raise InvalidCorpus(f"cannot read {path}: {error.strerror}") from error


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidCorpus(f"line {number} of {path} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise InvalidCorpus(f"line {number} of {path} is not a JSON object; each line must hold one document")
    return row  # pyright: ignore[reportUnknownVariableType]


def _read_text(spec: CorpusSpec) -> Iterator[Document]:
    root = Path(str(spec.path))
    for path in _files(spec, "*"):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidCorpus(f"cannot read {path} as UTF-8 text; take it out of the corpus") from error
        yield path.relative_to(root).as_posix() if root.is_dir() else path.name, text


def _read_parquet(spec: CorpusSpec) -> Iterator[Document]:
    columns = [name for name in (spec.field, spec.id_field) if name is not None]
    rows = itertools.chain.from_iterable(_parquet_rows(path, columns) for path in _files(spec, "*.parquet"))
    return _documents(spec, rows)


def _parquet_rows(path: Path, columns: list[str]) -> Iterator[Row]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            wanted = [name for name in columns if name in file.schema_arrow.names]
            batches = (batch.to_pylist() for batch in file.iter_batches(batch_size=256, columns=wanted))
            for number, row in enumerate(itertools.chain.from_iterable(batches)):
                yield f"{path.name}:{number}", row
    except (OSError, pa.ArrowException) as error:
        raise InvalidCorpus(f"cannot read {path} as a Parquet file; is it damaged?") from error


def _read_dataset(spec: CorpusSpec) -> Iterator[Document]:
    return _documents(spec, ((f"{spec.split}:{n}", dict(row)) for n, row in enumerate(_open_dataset(spec))))


def _open_dataset(spec: CorpusSpec) -> Iterable[Any]:
    # This library takes seconds to import, and few corpora need it.
    import datasets
    from datasets.exceptions import DatasetsError

    path = Path(str(spec.path))
    try:
        if not path.is_dir():
            only_local(str(spec.path), None, kind="dataset")
            return datasets.load_dataset(str(spec.path), spec.config, split=spec.split, streaming=True)
        if not any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
            return datasets.load_dataset(str(path), spec.config, split=spec.split)
        found = datasets.load_from_disk(str(path))
        return found[spec.split] if isinstance(found, datasets.DatasetDict) else found
    except (Absent, OSError, ValueError, KeyError, RuntimeError, DatasetsError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
        raise InvalidCorpus(f"cannot open the data set {spec.path} (split {spec.split}): {said}") from error


def _read_stdlib(spec: CorpusSpec) -> Iterator[Document]:
    return stdlib_documents()


def _files(spec: CorpusSpec, pattern: str) -> list[Path]:
    """The file itself, or the folder's files that fit `pattern`, at any depth, sorted."""
    path = Path(str(spec.path))
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InvalidCorpus(f"there is no corpus {path}; give a file or a folder")
    found = sorted(file for file in path.rglob(pattern) if file.is_file() and not file.name.startswith("."))
    if not found:
        raise InvalidCorpus(f"the folder {path} holds no {pattern} files")
    return found


def _documents(spec: CorpusSpec, rows: Iterable[Row]) -> Iterator[Document]:
    """Take the text and the id out of each row; a row's place stands in for an id that is not asked for."""
    for position, row in rows:
        text = _field(row, spec.field, position)
        if not isinstance(text, str):
            raise InvalidCorpus(f"the field {spec.field!r} of {position} is no text")
        yield position if spec.id_field is None else str(_field(row, spec.id_field, position)), text


def _field(row: dict[str, Any], field: str, position: str) -> Any:
    if field not in row:
        raise InvalidCorpus(f"{position} has no field {field!r}; it has {', '.join(row) or 'none that was asked for'}")
    return row[field]


_READERS: dict[str, Callable[[CorpusSpec], Iterator[Document]]] = {
    "jsonl": _read_jsonl,
    "text": _read_text,
    "parquet": _read_parquet,
    "dataset": _read_dataset,
    "stdlib": _read_stdlib,
}
