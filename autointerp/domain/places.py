"""Whether the name of a model is that of a folder or of a model on the hub."""

from pathlib import Path


def names_folder(model: str) -> bool:
    """Whether the name can be nothing but a folder's: hub ids are `name` or `owner/name`."""
    return Path(model).expanduser().is_absolute() or model.startswith((".", "~")) or model.count("/") > 1
