"""Documents of a corpus, one at a time, from files, data sets and the standard library."""

import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.columns import present
from autointerp.subject.parts import LONGEST
from autointerp.subject.sources import files
from autointerp.subject.stdlib import stdlib_documents

Document = tuple[str, Any]
Row = tuple[str, Mapping[str, Any]]


def read_documents(spec: CorpusSpec) -> Iterator[Document]:
    """Yield (document id, content) in a fixed order; InvalidCorpus says what cannot be read.

    The content is a text, the path of a large text file, or what the field holds: the ids of tokens, or messages.
    """
    return itertools.islice(_READERS[spec.kind](spec), spec.documents)


def _read_jsonl(spec: CorpusSpec) -> Iterator[Document]:
    return _documents(spec, itertools.chain.from_iterable(_json_lines(path) for path in files(spec)))


def _json_lines(path: Path) -> Iterator[Row]:
    try:
        with io.TextIOWrapper(pa.input_stream(str(path), compression="detect"), encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path.name}:{number}", _json_object(path, number, line)
    except UnicodeDecodeError as error:
        raise InvalidCorpus(f"{path} is not UTF-8 text; convert it first") from error
    except OSError as error:
        raise InvalidCorpus(f"cannot read {path}: {error.strerror or error}; is it damaged?") from error


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidCorpus(f"line {number} of {path} is not JSON: {error}; mend or leave out that line") from error
    if not isinstance(row, dict):
        raise InvalidCorpus(f"line {number} of {path} is not a JSON object; each line must hold one document")
    return row  # pyright: ignore[reportUnknownVariableType]


def _read_text(spec: CorpusSpec) -> Iterator[Document]:
    root = Path(str(spec.path)).expanduser()
    for path in files(spec):
        try:
            content = path.read_text(encoding="utf-8") if path.stat().st_size <= LONGEST else path
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidCorpus(f"cannot read {path} as UTF-8 text; take it out of the corpus") from error
        yield path.relative_to(root).as_posix() if root.is_dir() else path.name, content


def _read_parquet(spec: CorpusSpec) -> Iterator[Document]:
    columns = _columns(spec)
    rows = itertools.chain.from_iterable(_parquet_rows(path, columns) for path in files(spec))
    return _documents(spec, rows)


def _parquet_rows(path: Path, columns: list[str]) -> Iterator[Row]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            wanted = present(columns, file.schema_arrow.names, path.name)
            batches = (batch.to_pylist() for batch in file.iter_batches(batch_size=256, columns=wanted))
            for number, row in enumerate(itertools.chain.from_iterable(batches), 1):
                yield f"{path.name}:{number}", row
    except (OSError, pa.ArrowException) as error:
        raise InvalidCorpus(f"cannot read {path} as a Parquet file; is it damaged?") from error


def _read_dataset(spec: CorpusSpec) -> Iterator[Document]:
    # Its library takes seconds to import, and few corpora need it.
    from autointerp.subject.dataset import dataset_rows

    return _documents(spec, dataset_rows(spec, _columns(spec)))


def _read_stdlib(spec: CorpusSpec) -> Iterator[Document]:
    return stdlib_documents()


def _columns(spec: CorpusSpec) -> list[str]:
    return [name for name in (spec.content_field, spec.id_field) if name is not None]


def _documents(spec: CorpusSpec, rows: Iterable[Row]) -> Iterator[Document]:
    """Take the content and the id out of each row; a row's place stands in for an id that is not asked for."""
    said, fits = _CONTENTS[spec.content]
    for position, row in rows:
        content = _field(row, spec.content_field, position)
        if not fits(content):
            raise InvalidCorpus(f"the field {spec.content_field!r} of {position} is no {said}")
        yield position if spec.id_field is None else str(_field(row, spec.id_field, position)), content


def _is_chat(content: Any) -> bool:
    return isinstance(content, list) and all(
        isinstance(message, Mapping) and isinstance(message.get("role"), str) and "content" in message
        for message in content  # pyright: ignore[reportUnknownVariableType]
    )


def _field(row: Mapping[str, Any], field: str, position: str) -> Any:
    if field not in row:
        raise InvalidCorpus(f"{position} has no field {field!r}; it has {', '.join(row) or 'none'}")
    return row[field]


_CONTENTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text", lambda content: isinstance(content, str)),
    "tokens": ("list of token ids", lambda content: isinstance(content, list)),
    "chat": ("chat: a list of messages, each with role and content", _is_chat),
}

_READERS: dict[str, Callable[[CorpusSpec], Iterator[Document]]] = {
    "jsonl": _read_jsonl,
    "text": _read_text,
    "parquet": _read_parquet,
    "dataset": _read_dataset,
    "stdlib": _read_stdlib,
}
