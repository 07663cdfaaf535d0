"""The sample of the corpus that explanations are searched in: the windows of a harvest's pool that are of one split."""

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from autointerp.domain.examples import Split
from autointerp.domain.packed import Pool
from autointerp.domain.sample import Window
from autointerp.domain.vocabulary import Vocabulary
from autointerp.storage import pools, vocabularies
from autointerp.storage.engine import ReadSession
from autointerp.storage.example_packing import unpack_examples
from autointerp.storage.tables.harvests import ExampleTable, FeatureTable

SPLITS = tuple(Split)


def windows(session: ReadSession, harvest_id: str, split: Split) -> tuple[Window, ...]:
    """Return the windows in the pool's order; NotFound when the harvest has no pool."""

    def read() -> tuple[Window, ...]:
        return _shown(pools.load(session, harvest_id), split, vocabularies.of_harvest(session, harvest_id))

    return session.recall(("sample", harvest_id, split), read)


def fired(session: ReadSession, harvest_id: str, sae_id: int, index: int, split: Split) -> NDArray[np.bool_] | None:
    """Return in which of the `windows` the feature `index` of an SAE fires; None when the harvest did not keep it."""
    statement = (
        sa.select(ExampleTable.packed)
        .join(FeatureTable, FeatureTable.id == ExampleTable.feature_id)
        .where(ExampleTable.harvest_id == harvest_id, ExampleTable.split == split.value)
        .where(FeatureTable.sae_id == sae_id, FeatureTable.index == index)
    )
    packed = session.sql.execute(statement).scalar_one_or_none()
    positions = None if packed is None else unpack_examples(packed).fired_pool
    if positions is None:
        return None
    pool = pools.load(session, harvest_id)
    fires = np.zeros(len(pool.split), dtype=np.bool_)
    fires[positions] = True
    return fires[_of(pool, split)]


def _of(pool: Pool, split: Split) -> NDArray[np.bool_]:
    return pool.split == SPLITS.index(split)


def _shown(pool: Pool, split: Split, vocabulary: Vocabulary) -> tuple[Window, ...]:
    found = pool.windows
    chosen = _of(pool, split)
    columns = (found.context, found.document, found.start, found.offsets[:-1], found.offsets[1:])
    rows = zip(*(column[chosen].tolist() for column in columns), strict=True)
    return tuple(
        Window(context, document, start, vocabulary.render(found.tokens[begin:end].tolist()))
        for context, document, start, begin, end in rows
    )
