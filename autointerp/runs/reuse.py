"""Whether a harvest that is there can stand in for a new one of the same spec: its corpus must be what it was."""

from collections.abc import Collection
from pathlib import Path

from autointerp.domain.specs import HarvestSpec
from autointerp.storage import harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import HarvestRecord, HarvestState


def reusable(session: ReadSession, spec: HarvestSpec, states: Collection[HarvestState]) -> HarvestRecord | None:
    """Return the newest harvest of this spec in one of `states`, if its corpus did not change after it began.

    Only files that can be seen from here tell that they changed.
    """
    found = harvests.find_by_digest(session, spec.digest, states)
    if found is None or _changed_at(spec.corpus.path) > found.created_at.timestamp():
        return None
    return found


def _changed_at(path: str | None) -> float:
    """Return when a file, or the newest file of a folder, was changed, in seconds; 0.0 when there is none."""
    if path is None:
        return 0.0
    root = Path(path).expanduser()
    try:
        below = [file for file in root.rglob("*") if not file.name.startswith((".", "cache-"))]
        return max((file.stat().st_mtime for file in [root, *below]), default=0.0)
    except OSError:
        return 0.0  # not a file of this machine
