"""Which features of a run have controls, and which features of random directions are controls of it."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest

import sqlalchemy as sa

from autointerp.domain.specs import FeatureSelection, RunSpec
from autointerp.errors import InvalidInput
from autointerp.hashing import stable_int
from autointerp.storage import features, harvests, saes
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import SaeRecord
from autointerp.storage.tables.harvests import FeatureTable

RANDOM = "random"  # the kind of a baseline of random directions


def sample(session: ReadSession, harvest_id: str, spec: RunSpec, chosen: Sequence[int]) -> frozenset[int]:
    """Return those of the `chosen` features whose scores get controls; empty where there is nothing to control.

    They have the smallest hashes of seed and feature, so that the same features give the same sample everywhere.
    """
    if not spec.scorers or not spec.controls.features:
        return frozenset()
    sae = saes.get(session, harvests.get(session, harvest_id).sae_ids[spec.features.sae])
    return frozenset(_smallest(session, sae, chosen, count=spec.controls.features, seed=spec.seed))


def random_directions(session: ReadSession, harvest_id: str, spec: RunSpec) -> tuple[int, ...]:
    """Return the features of random directions that are controls of a run: as many as its sample has at most.

    They fire as often as the run asks of its own features, and lie at the same hook point; none where the harvest has
    no random directions there.
    """
    position = random_position(session, harvest_id, spec.features.sae)
    if position is None or not spec.scorers or not spec.controls.wants("random_direction"):
        return ()
    densities = {name: getattr(spec.features, name) for name in ("min_firings", "min_density", "max_density")}
    alike = FeatureSelection(sae=position, **densities)
    try:
        passing = features.select(session, harvest_id, alike, spec.seed)
    except InvalidInput:  # none of them fires often enough
        return ()
    sae = saes.get(session, harvests.get(session, harvest_id).sae_ids[position])
    return tuple(_smallest(session, sae, passing, count=spec.controls.features, seed=spec.seed))


def random_position(session: ReadSession, harvest_id: str, sae: int) -> int | None:
    """Return the position in a harvest of the random directions at the hook point of the SAE at position `sae`."""
    stored = [saes.get(session, sae_id) for sae_id in harvests.get(session, harvest_id).sae_ids]
    hook = stored[sae].hook
    found = (i for i, one in enumerate(stored) if i != sae and one.kind == RANDOM and one.hook == hook)
    return None if stored[sae].kind == RANDOM else next(found, None)


def _smallest(
    session: ReadSession, sae: SaeRecord, feature_ids: Iterable[int], *, count: int, seed: int
) -> Sequence[int]:
    indices = _indices(session, sae)

    def hashed(feature_id: int) -> int:
        return stable_int(seed, sae.fingerprint, indices[feature_id], "controls")

    return nsmallest(count, feature_ids, key=hashed)


def _indices(session: ReadSession, sae: SaeRecord) -> Mapping[int, int]:
    statement = sa.select(FeatureTable.id, FeatureTable.index).where(FeatureTable.sae_id == sae.id)
    return {row[0]: row[1] for row in session.sql.connection().execute(statement)}
