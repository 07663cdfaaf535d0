"""Storing what a harvest measured: many features at once, each with its statistics and packed examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from autointerp.domain.packed import HarvestedFeature
from autointerp.storage import disjointness, pools
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.feature_packing import pack_examples, pack_statistics
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.tables.harvests import ExampleTable, FeatureTable, HarvestedFeatureTable


def store(session: WriteSession, *, harvest_id: str, sae_id: int, features: Sequence[HarvestedFeature]) -> int:
    """Store a batch of features of one SAE and return how many; what is stored already stays as it is.

    InvalidInput when a document of the batch, or of the harvest's pool, stands in more than one split.
    """
    if not features:
        return 0
    _refuse_overlap(session, harvest_id, features)
    indices = [{"sae_id": sae_id, "index": feature.index} for feature in features]
    insert_if_absent(session, FeatureTable, indices)
    ids = _ids(session, sae_id, [feature.index for feature in features])
    measured = [_measured(harvest_id, ids[feature.index], feature) for feature in features]
    insert_if_absent(session, HarvestedFeatureTable, measured)
    examples = [row for feature in features for row in _examples(harvest_id, ids[feature.index], feature)]
    insert_if_absent(session, ExampleTable, examples)
    return len(features)


def _refuse_overlap(session: ReadSession, harvest_id: str, features: Sequence[HarvestedFeature]) -> None:
    documents = disjointness.of_examples(feature.examples for feature in features)
    if any(len(packed.silent_pool) for feature in features for packed in feature.examples.values()):
        pool = pools.load(session, harvest_id)
        disjointness.refuse_misplaced(features, pool)
        documents = disjointness.union(documents, disjointness.of_pool(pool))
    disjointness.refuse_shared(documents)


def _ids(session: ReadSession, sae_id: int, indices: Sequence[int]) -> Mapping[int, int]:
    statement = select(FeatureTable.index, FeatureTable.id).where(
        FeatureTable.sae_id == sae_id, FeatureTable.index.between(min(indices), max(indices))
    )
    return dict(session.sql.execute(statement).all())


def _measured(harvest_id: str, feature_id: int, feature: HarvestedFeature) -> dict[str, Any]:
    statistics = feature.statistics
    return {
        "harvest_id": harvest_id,
        "feature_id": feature_id,
        "firings": int(statistics.firings),
        "density": float(statistics.density),
        "max": float(statistics.max),
        "mean": float(statistics.mean),
        "statistics": pack_statistics(statistics),
    }


def _examples(harvest_id: str, feature_id: int, feature: HarvestedFeature) -> list[dict[str, Any]]:
    key = {"harvest_id": harvest_id, "feature_id": feature_id}
    return [{**key, "split": split.value, "packed": pack_examples(x)} for split, x in feature.examples.items()]
