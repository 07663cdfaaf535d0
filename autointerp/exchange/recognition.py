"""Which format a path holds."""

from enum import StrEnum
from pathlib import Path

from autointerp.errors import InvalidInput
from autointerp.exchange import archive
from autointerp.exchange.delphi import folder as delphi
from autointerp.exchange.neuronpedia import source as neuronpedia


class Origin(StrEnum):
    """What can be imported."""

    ARCHIVE = "archive"
    NEURONPEDIA = "neuronpedia"
    DELPHI = "delphi"


def recognise(path: Path) -> Origin:
    """Return the format of a file or folder; InvalidInput when it is none."""
    if not path.exists():
        raise InvalidInput(f"there is no {path}")
    if (path / archive.MANIFEST).exists():
        return Origin.ARCHIVE
    if path.suffix == ".json" or (path.is_dir() and neuronpedia.found_in(path)):
        return Origin.NEURONPEDIA
    if path.is_dir() and delphi.recognised(path):
        return Origin.DELPHI
    raise InvalidInput(
        f"{path} is no archive, no export of Neuronpedia and no result folder of delphi; an archive has a "
        f"{archive.MANIFEST}, which an export that was broken off lacks"
    )
