"""Features as a harvest measured them: one by one, in lists, and as the selection of a run."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Row, Select

from autointerp.domain.features import FeatureRecord
from autointerp.domain.packed import unpack_statistics
from autointerp.domain.seeds import rng_for
from autointerp.domain.specs import FeatureSelection
from autointerp.domain.vocabulary import Vocabulary
from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import feature_lists, harvests, saes, vocabularies
from autointerp.storage.engine import ReadSession
from autointerp.storage.feature_lists import count as count_features
from autointerp.storage.feature_packing import unpack_statistics as unpack_measured
from autointerp.storage.feature_store import pack, store, store_packed
from autointerp.storage.records import FeatureFilter, FeatureOrder, FeatureRow, SaeRecord
from autointerp.storage.tables.harvests import FeatureTable, HarvestedFeatureTable
from autointerp.storage.tables.models import SaeTable

__all__ = [
    "count_features",
    "get",
    "get_by_index",
    "get_many",
    "ids_by_index",
    "list_features",
    "newest",
    "pack",
    "select",
    "store",
    "store_packed",
]

MEASURED = HarvestedFeatureTable


def get(session: ReadSession, harvest_id: str, feature_id: int) -> FeatureRow:
    """Return one feature as a harvest saw it; NotFound when the harvest has not stored it."""
    row = session.sql.execute(_rows(harvest_id).where(FeatureTable.id == feature_id)).first()
    if row is None:
        raise NotFound(f"there is no feature {feature_id} in the harvest {harvest_id}")
    return _records(session, harvest_id, [row])[0]


def get_by_index(session: ReadSession, harvest_id: str, sae_id: int, index: int) -> FeatureRow:
    """Return the feature `index` of an SAE as a harvest saw it; NotFound when the harvest has not stored it."""
    wanted = FeatureTable.sae_id == sae_id, FeatureTable.index == index
    row = session.sql.execute(_rows(harvest_id).where(*wanted)).first()
    if row is None:
        raise NotFound(f"there is no feature with index {index} of SAE {sae_id} in the harvest {harvest_id}")
    return _records(session, harvest_id, [row])[0]


def newest(session: ReadSession, feature_id: int) -> FeatureRow:
    """Return one feature as the newest finished harvest of its SAE saw it; NotFound when there is none."""
    found = sa.select(FeatureTable.sae_id).where(FeatureTable.id == feature_id)
    sae_id = session.sql.execute(found).scalar_one_or_none()
    harvest = None if sae_id is None else harvests.newest(session, sae_id)
    if harvest is None:
        raise NotFound(f"there is no feature {feature_id} in a finished harvest")
    return get(session, harvest.id, feature_id)


def get_many(
    session: ReadSession, harvest_id: str, feature_ids: Sequence[int], *, tokens: int | None = None
) -> tuple[FeatureRow, ...]:
    """Return these features in the order asked; NotFound when one is missing.

    `tokens`: how many tokens of each kind, and how many neighbours, each is to have; None: all that are stored.
    """
    rows = session.sql.execute(_rows(harvest_id).where(FeatureTable.id.in_(feature_ids)))
    found = {record.id: record for record in _records(session, harvest_id, rows.all(), tokens)}
    if missing := [feature_id for feature_id in feature_ids if feature_id not in found]:
        raise NotFound(f"there is no feature {missing[0]} in the harvest {harvest_id}")
    return tuple(found[feature_id] for feature_id in feature_ids)


def ids_by_index(session: ReadSession, sae_id: int, indices: Sequence[int]) -> dict[int, int]:
    """Return the ids of an SAE's features by index; those that no harvest stored are left out."""
    table = FeatureTable
    statement = sa.select(table.index, table.id).where(table.sae_id == sae_id, table.index.in_(indices))
    return dict(session.sql.execute(statement).all())


def list_features(
    session: ReadSession,
    filter: FeatureFilter,
    *,
    order: FeatureOrder,
    after: int | None,
    limit: int,
    tokens: int | None = None,
) -> tuple[FeatureRow, ...]:
    """Return the features that pass, from the one after the feature `after`, in `order`; `tokens` as in `get_many`.

    Features of the same value come from the one stored last. InvalidInput when the text to look for has no words.
    """
    ids = feature_lists.ids(session, filter, order=order, after=after, limit=limit)
    return get_many(session, filter.harvest_id, ids, tokens=tokens)


def select(
    session: ReadSession,
    harvest_id: str,
    selection: FeatureSelection,
    seed: int,
    *,
    also: Iterable[ColumnElement[bool]] = (),
) -> tuple[int, ...]:
    """Return the ids of the features a run works on, by index; the same seed gives the same sample.

    `also` are more conditions on harvested features, as `missing.lacks` makes them.

    InvalidInput when an index does not exist, when nothing passes, or when the harvest has no such SAE.
    """
    sae = _sae(session, harvest_id, selection)
    statement = (
        sa.select(FeatureTable.index, FeatureTable.id)
        .join(MEASURED, MEASURED.feature_id == FeatureTable.id)
        .where(MEASURED.harvest_id == harvest_id, FeatureTable.sae_id == sae.id)
        .order_by(FeatureTable.index)
    )
    if selection.indices is not None:
        listed = _by_index(session, statement, selection.indices, sae)
        passing = _lacking(session, harvest_id, listed, also)
    else:
        which = statement.where(*_passes(selection), *also).with_only_columns(FeatureTable.id)
        passing = list(session.sql.connection().execute(which).scalars())
    if not passing and selection.missing is not None:
        raise InvalidInput(f"every feature of {sae.name} that was selected has what is missing; there is nothing to do")
    if not passing:
        raise InvalidInput(
            f"no feature of {sae.name} passes the selection; lower min_firings (now {selection.min_firings}), raise "
            f"max_density (now {selection.max_density:g}) or read more tokens"
        )
    return _sample(passing, selection.sample, seed, sae.fingerprint)


def _passes(selection: FeatureSelection) -> list[ColumnElement[bool]]:
    density = MEASURED.density + 0.0  # hides the index of densities: it finds nearly all features, in another order
    found = [
        MEASURED.firings >= selection.min_firings,
        density >= selection.min_density,
        density <= selection.max_density,
    ]
    if selection.start is not None:
        found.append(FeatureTable.index >= selection.start)
    if selection.stop is not None:
        found.append(FeatureTable.index < selection.stop)
    return found


def _lacking(
    session: ReadSession, harvest_id: str, feature_ids: Sequence[int], also: Iterable[ColumnElement[bool]]
) -> list[int]:
    """Return those of the features to which the conditions apply, in the order given."""
    if not (conditions := list(also)):
        return list(feature_ids)
    which = MEASURED.harvest_id == harvest_id, MEASURED.feature_id.in_(feature_ids)
    found = set(session.sql.scalars(sa.select(MEASURED.feature_id).where(*which, *conditions)))
    return [feature_id for feature_id in feature_ids if feature_id in found]


def _sample(passing: list[int], size: int | None, seed: int, fingerprint: str) -> tuple[int, ...]:
    if size is None or size >= len(passing):
        return tuple(passing)
    drawn = rng_for(seed, fingerprint, "features").choice(len(passing), size=size, replace=False)
    return tuple(passing[i] for i in sorted(drawn.tolist()))


def _by_index(
    session: ReadSession, statement: Select[int, int], indices: Sequence[int], sae: SaeRecord
) -> tuple[int, ...]:
    if wrong := [index for index in indices if index >= sae.features]:
        raise InvalidInput(f"feature {wrong[0]} does not exist: {sae.name} has the features 0 to {sae.features - 1}")
    ids = dict(session.sql.execute(statement.where(FeatureTable.index.in_(indices))).all())
    if missing := [index for index in indices if index not in ids]:
        raise InvalidInput(f"feature {missing[0]} of {sae.name} is not in this harvest; harvest it first")
    return tuple(dict.fromkeys(ids[index] for index in indices))


def _sae(session: ReadSession, harvest_id: str, selection: FeatureSelection) -> SaeRecord:
    sae_ids = harvests.get(session, harvest_id).sae_ids
    if selection.sae >= len(sae_ids):
        raise InvalidInput(f"the harvest {harvest_id} has {len(sae_ids)} SAEs, so there is no SAE {selection.sae}")
    return saes.get(session, sae_ids[selection.sae])


def _rows(harvest_id: str) -> Select[int, int, int, str, str, bytes]:
    return (
        sa.select(
            FeatureTable.id,
            FeatureTable.sae_id,
            FeatureTable.index,
            SaeTable.fingerprint,
            MEASURED.harvest_id,
            MEASURED.statistics,
        )
        .join(MEASURED, MEASURED.feature_id == FeatureTable.id)
        .join(SaeTable, SaeTable.id == FeatureTable.sae_id)
        .where(MEASURED.harvest_id == harvest_id)
    )


def _records(
    session: ReadSession,
    harvest_id: str,
    rows: Sequence[Row[int, int, int, str, str, bytes]],
    tokens: int | None = None,
) -> tuple[FeatureRow, ...]:
    if not rows:
        return ()
    vocabulary = vocabularies.of_harvest(session, harvest_id)
    return tuple(_record(row, vocabulary, tokens) for row in rows)


def _record(row: Row[int, int, int, str, str, bytes], vocabulary: Vocabulary, tokens: int | None) -> FeatureRow:
    feature_id, sae_id, index, fingerprint, harvest_id, packed = row
    measured = unpack_measured(packed)
    statistics = unpack_statistics(measured if tokens is None else measured.shortened(tokens), vocabulary)
    record = FeatureRecord(sae=fingerprint, index=index, statistics=statistics)
    return FeatureRow(id=feature_id, harvest_id=harvest_id, sae_id=sae_id, record=record)
