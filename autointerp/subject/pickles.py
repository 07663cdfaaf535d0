"""Files that can run code when they are loaded are refused, unless an administrator lets them in."""

from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import torch

from autointerp.errors import InvalidModel


def refuse(what: object) -> NoReturn:
    """Say that something is a pickle, and what to do."""
    raise InvalidModel(
        f"{what} is a pickle, which can run code when it is loaded: convert it to safetensors, or set "
        "AUTOINTERP_REACH__PICKLES=true if you trust it"
    )


def refuse_folder(folder: Path) -> None:
    """Refuse a folder whose weights are pickles alone."""
    for path in sorted(folder.rglob("*.bin")):
        if not any(path.parent.glob("*.safetensors")):
            refuse(path)


class TorchWithoutPickles(ModuleType):
    """Stands in for torch in a module that reads files: everything is torch's own, but `load` refuses."""

    def __init__(self) -> None:
        super().__init__(torch.__name__)

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def load(self, path: object, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse the file."""
        refuse(path)
