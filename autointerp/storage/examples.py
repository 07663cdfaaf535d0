"""Examples of features, unpacked to records with their text."""

import sqlalchemy as sa

from autointerp.domain.examples import Example, Split
from autointerp.domain.packed import unpack
from autointerp.storage import contexts, disjointness, pools, vocabularies
from autointerp.storage.engine import ReadSession
from autointerp.storage.example_packing import unpack_examples
from autointerp.storage.tables.harvests import ExampleTable, PoolTable

BATCH = 1000
STORED = sa.select(
    sa.exists().where(
        ExampleTable.harvest_id == sa.bindparam("harvest"),
        ExampleTable.feature_id == sa.bindparam("feature"),
        ExampleTable.split == sa.bindparam("part"),
    )
)


def load(session: ReadSession, harvest_id: str, feature_id: int, split: Split) -> tuple[Example, ...]:
    """Return a feature's examples in one split, firing ones first; empty when it has none there."""
    row = session.sql.get(ExampleTable, (harvest_id, feature_id, split.value))
    if row is None:
        return ()
    (packed,) = contexts.complete(session, harvest_id, [unpack_examples(row.packed)])
    return unpack(
        packed,
        split=split,
        pool=pools.load(session, harvest_id),
        vocabulary=vocabularies.of_harvest(session, harvest_id),
    )


def stored(session: ReadSession, harvest_id: str, feature_id: int, split: Split) -> bool:
    """Whether a feature has a row of examples in one split."""
    key = {"harvest": harvest_id, "feature": feature_id, "part": split.value}
    return session.sql.connection().execute(STORED, key).scalar_one()


def shared_documents(session: ReadSession, harvest_id: str) -> tuple[int, ...]:
    """Return the documents that stand in more than one split of a harvest; a sound harvest has none."""
    documents = disjointness.of_examples([])
    if session.sql.get(PoolTable, harvest_id) is not None:
        documents = disjointness.of_pool(pools.load(session, harvest_id))
    statement = sa.select(ExampleTable.split, ExampleTable.packed).where(ExampleTable.harvest_id == harvest_id)
    for batch in session.sql.execute(statement.execution_options(yield_per=BATCH)).partitions():
        read = contexts.complete(session, harvest_id, [unpack_examples(packed) for _, packed in batch])
        found = disjointness.of_examples({Split(split): one} for (split, _), one in zip(batch, read, strict=True))
        documents = disjointness.union(documents, found)
    return disjointness.shared(documents)
