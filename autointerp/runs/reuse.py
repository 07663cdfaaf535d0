"""Whether a harvest that is there can stand in for a new one of the same spec: its corpus must be what it was.

A run brings random directions, which are controls of it, into the harvest that it makes; one without them will do where
it is there already.
"""

from collections.abc import Collection
from pathlib import Path

from autointerp.domain.specs import BaselineSpec, HarvestSpec, RunSpec, SaeSpec
from autointerp.storage import harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import HarvestRecord, HarvestState

RANDOM = {"kind": "random", "k": 1, "directions": 128, "tokens": 20_000}  # a density of 0.4 % in the mean


def with_random_directions(spec: HarvestSpec) -> HarvestSpec:
    """Return the spec with random directions at the hook point of each SAE; as it is where it names some already."""
    baselines = [sae.baseline for sae in spec.saes]
    if any(baseline is not None and baseline.kind == "random" for baseline in baselines):
        return spec
    beside = [
        SaeSpec(baseline=BaselineSpec.model_validate(RANDOM | {"seed": i}), hook=f"sae:{i}")
        for i, baseline in enumerate(baselines)
        if baseline is None
    ]
    return spec.model_copy(update={"saes": (*spec.saes, *beside)})


def harvest_for(run: RunSpec, harvest: HarvestSpec) -> HarvestSpec:
    """Return the spec of the harvest that a run makes, where it describes `harvest` and there is none yet."""
    directions = bool(run.scorers) and run.controls.wants("random_direction")
    return with_random_directions(harvest) if directions else harvest


def reusable_by(
    session: ReadSession, run: RunSpec, harvest: HarvestSpec, states: Collection[HarvestState]
) -> HarvestRecord | None:
    """Return the newest harvest in one of `states` that a run which describes `harvest` can work on."""
    return reusable(session, harvest_for(run, harvest), states) or reusable(session, harvest, states)


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
