"""Storing what a harvest measured: many features at once, each with its statistics and packed examples.

They are packed before a transaction begins: others can write meanwhile, and so can the batch before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature
from autointerp.storage import disjointness, pools
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.example_packing import pack_examples
from autointerp.storage.feature_packing import pack_statistics
from autointerp.storage.insertion import insert_columns
from autointerp.storage.tables.harvests import ExampleTable, FeatureTable, HarvestedFeatureTable


@dataclass(frozen=True, slots=True)
class Batch:
    """Features of one SAE with their statistics and examples packed, each in its place."""

    features: Sequence[HarvestedFeature]
    statistics: Sequence[bytes]
    examples: Sequence[Mapping[Split, bytes]]


def pack(features: Sequence[HarvestedFeature], *, text_apart: bool = False) -> Batch:
    """Pack features for `store_packed`; `text_apart`: the text of their examples is in `storage.contexts`."""
    return Batch(
        features=features,
        statistics=[pack_statistics(feature.statistics) for feature in features],
        examples=[
            {split: pack_examples(one, text_apart=text_apart) for split, one in feature.examples.items()}
            for feature in features
        ],
    )


def store(session: WriteSession, *, harvest_id: str, sae_id: int, features: Sequence[HarvestedFeature]) -> int:
    """Store a batch of features as `store_packed` does."""
    return store_packed(session, harvest_id=harvest_id, sae_id=sae_id, batch=pack(features))


def store_packed(session: WriteSession, *, harvest_id: str, sae_id: int, batch: Batch) -> int:
    """Store a batch of features of one SAE and return how many; what is stored already stays as it is.

    InvalidInput when a document of the batch, or of the harvest's pool, stands in more than one split.
    """
    if not batch.features:
        return 0
    _refuse_overlap(session, harvest_id, batch.features)
    indices = [feature.index for feature in batch.features]
    insert_columns(session, FeatureTable, {"sae_id": [sae_id] * len(indices), "index": indices})
    found = _ids(session, sae_id, indices)
    ids = [found[index] for index in indices]
    insert_columns(session, HarvestedFeatureTable, _measured(harvest_id, ids, batch))
    insert_columns(session, ExampleTable, _examples(harvest_id, ids, batch))
    return len(indices)


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


def _measured(harvest_id: str, ids: Sequence[int], batch: Batch) -> dict[str, Sequence[Any]]:
    statistics = [feature.statistics for feature in batch.features]
    return {
        "harvest_id": [harvest_id] * len(ids),
        "feature_id": ids,
        "firings": [int(one.firings) for one in statistics],
        "density": [float(one.density) for one in statistics],
        "max": [float(one.max) for one in statistics],
        "mean": [float(one.mean) for one in statistics],
        "statistics": batch.statistics,
    }


def _examples(harvest_id: str, ids: Sequence[int], batch: Batch) -> dict[str, Sequence[Any]]:
    rows = [
        (i, split.value, packed) for i, made in zip(ids, batch.examples, strict=True) for split, packed in made.items()
    ]
    return {
        "harvest_id": [harvest_id] * len(rows),
        "feature_id": [feature_id for feature_id, _, _ in rows],
        "split": [split for _, split, _ in rows],
        "packed": [packed for _, _, packed in rows],
    }
