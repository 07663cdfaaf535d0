"""Where files go: the folders can be written to and their disks have room."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from autointerp.doctor.findings import Finding, failed, fine, warning
from autointerp.settings import Settings

LITTLE = 5 * 2**30
TOO_LITTLE = 200 * 2**20


def check_places(settings: Settings) -> Iterator[Finding]:
    """Check the data folder, the shards' folder and the folder of a SQLite file."""
    places = {"data folder": settings.data_dir}
    if (shards := _folder(settings.shards)) is not None:
        places["shards"] = shards
    if settings.database_url.startswith("sqlite"):
        places["database file"] = Path(settings.database_url.partition(":///")[2].partition("?")[0]).parent
    for name, folder in places.items():
        yield check_place(name, folder)


def check_place(name: str, folder: Path) -> Finding:
    """Check one folder; one that is not there is made when it is needed, so its parent counts."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    check = f"disk: {name}"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return failed(check, f"{there} cannot be written", "change its permissions, or name another folder")
    free = shutil.disk_usage(there).free
    found = f"{free / 2**30:,.1f} GiB free at {folder}"
    if free < TOO_LITTLE:
        return failed(check, found, "free some space; writes are refused when it is gone")
    if free < LITTLE:
        return warning(check, found, "free some space before a large harvest")
    return fine(check, found)


def _folder(url: str) -> Path | None:
    """The folder of shards that lie on this machine; None: they lie elsewhere."""
    protocol, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    return Path(rest) if protocol in ("file", "local") else None
