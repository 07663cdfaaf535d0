"""Rows of a Hugging Face data set: from the hub, from a folder of files, or from a folder that was saved."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import DatasetDict, load_dataset, load_from_disk
from datasets.exceptions import DatasetsError

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus, Unavailable
from autointerp.subject.columns import present
from autointerp.subject.hub import UNREACHABLE, Absent, dataset_commit, only_local

DEFAULT_SPLIT = "train"
_WRONG = (ValueError, KeyError, TypeError, RuntimeError, DatasetsError, pa.ArrowException)


def dataset_rows(spec: CorpusSpec, columns: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (position, row) with `columns` of a data set; rows are counted from 1.

    InvalidCorpus when it cannot be opened, is damaged or lacks a column, Unavailable when the hub breaks off.
    """
    path = Path(str(spec.path)).expanduser()
    try:
        found = _saved(path, spec) if path.is_dir() else _on_hub(spec)
        if found.column_names is not None:
            found = found.select_columns(present(columns, found.column_names, f"the data set {spec.path}"))
        for number, row in enumerate(found, 1):
            yield f"{spec.split}:{number}", row
    except (Absent, *_WRONG) as error:
        raise InvalidCorpus(f"cannot read the data set {spec.path} (split {spec.split}): {_first(error)}") from error
    except UNREACHABLE as error:
        if path.is_dir():
            raise InvalidCorpus(f"cannot read the data set {path} (split {spec.split}): {_first(error)}") from error
        raise Unavailable(f"the hub broke off while {spec.path} was read ({_first(error)}); try again") from error


def _saved(path: Path, spec: CorpusSpec) -> Any:
    if not any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
        return load_dataset(str(path), spec.config, split=spec.split, streaming=spec.streaming)
    found = load_from_disk(str(path))
    if not isinstance(found, DatasetDict):
        # Whatever it was a split of, it is all there is: the default takes it.
        found = {DEFAULT_SPLIT: found, str(found.split or DEFAULT_SPLIT): found}
    if spec.split not in found:
        raise Absent(f"it has no such split; set split to {' or '.join(map(str, found))}")
    return found[spec.split]


def _on_hub(spec: CorpusSpec) -> Any:
    """Open a data set of the hub; out of the hub's reach, what was downloaded of it before."""
    name = str(spec.path)
    streaming = spec.streaming and not only_local(name, spec.revision, kind="dataset")
    return load_dataset(
        name, spec.config, split=spec.split, streaming=streaming, revision=dataset_commit(name, spec.revision)
    )


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
