"""What the card of a data set names as its files: the library reads it from wherever that is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from autointerp.domain.specs import CorpusSpec
from autointerp.subject.hub import dataset_commit, only_local

CARDS = ("README.md", ".huggingface.yaml")
NAMING = ("data_files", "data_dir")


def named_files(spec: CorpusSpec) -> tuple[str, ...]:
    """Return the paths, patterns and addresses that the card of a data set names; none where it has no card."""
    if spec.kind != "dataset":
        return ()
    folder = Path(str(spec.path)).expanduser()
    cards = [_in_folder(folder, name) if folder.is_dir() else _on_hub(spec, name) for name in CARDS]
    return tuple(text for card in cards if card is not None for text in _named(_front_matter(card)))


def _in_folder(folder: Path, name: str) -> Path | None:
    return folder / name if (folder / name).is_file() else None


def _on_hub(spec: CorpusSpec, name: str) -> Path | None:
    repo = str(spec.path)
    local = only_local(repo, spec.revision, kind="dataset")
    try:
        commit = dataset_commit(repo, spec.revision)
        return Path(hf_hub_download(repo, name, repo_type="dataset", revision=commit, local_files_only=local))
    except (EntryNotFoundError, LocalEntryNotFoundError):
        return None


def _front_matter(card: Path) -> Any:
    text = card.read_text(encoding="utf-8", errors="replace")
    if card.suffix == ".yaml":
        return yaml.safe_load(text)
    parts = text.split("---", 2)
    return yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else None


def _named(value: Any, inside: bool = False) -> Iterator[str]:
    """Every text below a key that names files."""
    if isinstance(value, dict):
        for key, below in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _named(below, inside or key in NAMING)
    elif isinstance(value, list):
        for below in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _named(below, inside)
    elif inside and isinstance(value, str):
        yield value
