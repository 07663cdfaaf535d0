"""Specs from TOML files; a path that starts with ./ or ../ is relative to the file."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from autointerp.domain.specs import Extension, HarvestSpec, RunSpec
from autointerp.errors import InvalidSpec

OPTIONS = "the options do not fit"  # what `parse` says of a spec that options were made into
PATH_KEYS = frozenset({"model", "path"})
AnySpec = TypeVar("AnySpec", bound=BaseModel)


def read_run(path: Path) -> RunSpec:
    """Read a run's spec; InvalidSpec says what is wrong with it."""
    return parse(RunSpec, _read(path), str(path))


def read_extension(path: Path) -> Extension:
    """Read what a run is to have in addition; InvalidSpec says what is wrong with it."""
    return parse(Extension, _read(path), str(path))


def read_harvest(path: Path) -> HarvestSpec:
    """Read a harvest's spec, or the one inside a run's spec."""
    content = _read(path)
    inner = content.get("harvest", content)
    if not isinstance(inner, dict):
        raise InvalidSpec(f"{path}: harvest names a stored harvest; give a spec with subject, saes and corpus")
    return parse(HarvestSpec, inner, str(path))


def parse(kind: type[AnySpec], content: Any, source: str) -> AnySpec:
    """Validate `content` as a spec; InvalidSpec names everything that is wrong, and where it stands."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InvalidSpec(f"{source}: {'; '.join(map(_mistake, _innermost(error.errors())))}") from error


def _innermost(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what only follows from a mistake further in, as a list that is too short without its wrong items."""
    around = {one["loc"][:depth] for one in found for depth in range(len(one["loc"]))}
    return [one for one in found if one["loc"] not in around]


def _mistake(found: ErrorDetails) -> str:
    where = ".".join(map(str, found["loc"]))
    return f"{where + ': ' if where else ''}{found['msg'].removeprefix('Value error, ')}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSpec(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"{path} is no TOML file: {error}") from error
    return _anchored(content, path.resolve().parent)


def _anchored(value: Any, folder: Path, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _anchored(v, folder, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_anchored(item, folder, key) for item in value]
    if key in PATH_KEYS and isinstance(value, str) and value.startswith(("./", "../")):
        return str((folder / value).resolve())
    return value
