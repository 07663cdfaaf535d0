"""Plug-ins by file name: `scorers/detection.py` *is* "detection"; a dotted name is imported as it is.

A plug-in module holds one frozen pydantic model `Config` whose `build(tools)` returns the plug-in.
Names are listed without importing anything.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import BaseModel, ValidationError

from autointerp.errors import InvalidSpec

ROLES = {"explainer": "explainers", "scorer": "scorers", "judge": "judges", "provider": "llm/providers"}


class PluginConfig(Protocol):
    """The options of one plug-in, validated; `build` makes the plug-in from the tools at hand."""

    def build(self, tools: Any) -> Any: ...


@cache  # what ships does not change while a process runs, and a spec's plug-ins are looked up many times
def names(role: str) -> tuple[str, ...]:
    """List the plug-ins that ship for `role`, sorted, without importing them."""
    folder = Path(__file__).parent / ROLES[role]
    return tuple(sorted(m.name for m in pkgutil.iter_modules([str(folder)]) if not m.name.startswith("_")))


def config_class(role: str, name: str) -> type[BaseModel]:
    """Import the plug-in `name` and return its `Config`; InvalidSpec when there is none."""
    if "." in name:
        module_name = name
    elif name in names(role):
        module_name = ".".join(["autointerp", *ROLES[role].split("/"), name])
    else:
        raise InvalidSpec(f"there is no {role} {name!r}; there are {', '.join(names(role))}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise InvalidSpec(f"the {role} {name!r} needs the package {error.name!r}; install it") from error
        raise InvalidSpec(f"the {role} {name!r} cannot be imported: no module {error.name!r}") from error
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}"
        raise InvalidSpec(f"the {role} {name!r} is no valid Python: {error.msg} ({where})") from error
    found = getattr(module, "Config", None)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise InvalidSpec(f"the {role} {name!r} has no pydantic model named Config")
    return found


def configure(role: str, name: str, options: Mapping[str, Any]) -> PluginConfig:
    """Validate `options` for the plug-in `name`; InvalidSpec names the first wrong one."""
    found = config_class(role, name)
    try:
        return cast(PluginConfig, found.model_validate(dict(options)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "options"
        known = ", ".join(found.model_fields) or "none"
        raise InvalidSpec(f"{role} {name!r}: {where}: {first['msg']}; its options are {known}") from error
