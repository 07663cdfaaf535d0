"""Lists of features, page by page: what a page shows is found in an index, by ids alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from autointerp.errors import NotFound
from autointerp.storage import harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.feature_filters import passing
from autointerp.storage.records import FeatureFilter, FeatureOrder
from autointerp.storage.tables.harvests import FeatureTable, HarvestedFeatureTable

FEW = 5_000  # features that are sorted sooner than a longer list is walked until a page of them is found
MEASURED = HarvestedFeatureTable


@dataclass(frozen=True, slots=True)
class Place:
    """Where a feature stands in every order."""

    id: int
    sae_id: int
    index: int
    density: float
    max: float
    best: float | None

    def by(self, value: float | None) -> tuple[float | None, int]:
        """Where it stands among features in the order of this value of theirs."""
        return value, self.id


def ids(
    session: ReadSession,
    filter: FeatureFilter,
    *,
    order: FeatureOrder,
    after: int | None,
    limit: int,
    few: int = FEW,
) -> tuple[int, ...]:
    """Return the ids of the features that pass, from the one after the feature `after`, in `order`.

    `few` is as in `feature_filters.passing`, and changes nothing but how the features are found. NotFound when `after`
    is not in the harvest, InvalidInput when the text to look for has no words.
    """
    last = None if after is None else _place(session, filter.harvest_id, after)
    chosen = passing(session, filter, order, few=few)
    found: list[int] = []
    for part in _parts(session, filter.harvest_id, order, last, sorted_=chosen.looked_up):
        if len(found) < limit:
            found += session.sql.scalars(part.where(*chosen.conditions).limit(limit - len(found)))
    return tuple(found)


def count(session: ReadSession, filter: FeatureFilter) -> int:
    """Count the features that pass."""
    statement = _of_harvest(filter.harvest_id).where(*passing(session, filter, FeatureOrder.INDEX, few=FEW).conditions)
    return session.sql.execute(statement.with_only_columns(sa.func.count())).scalar_one()


def _parts(
    session: ReadSession, harvest_id: str, order: FeatureOrder, last: Place | None, *, sorted_: bool
) -> Iterator[Select[int]]:
    """The list behind `last` in parts that follow each other; an index has the features of each in its order.

    Where they are to be `sorted_`, adding 0 hides that index from the planner, which walks it otherwise.
    """
    every = _of_harvest(harvest_id)
    density, most, best = (
        column.expression + 0.0 if sorted_ else column.expression
        for column in (MEASURED.density, MEASURED.max, MEASURED.best)
    )
    match order:
        case FeatureOrder.INDEX:
            for sae_id in sorted(harvests.sae_ids_of(session, harvest_id)):
                yield from _by_index(every, sae_id, last)
        case FeatureOrder.DENSITY:
            yield _from_largest(every, density, None if last is None else last.by(last.density))
        case FeatureOrder.MAX:
            yield _from_largest(every, most, None if last is None else last.by(last.max))
        case FeatureOrder.SCORE:
            yield from _by_score(every, best, last)


def _of_harvest(harvest_id: str) -> Select[int]:
    joined = sa.select(MEASURED.feature_id).join(FeatureTable, FeatureTable.id == MEASURED.feature_id)
    return joined.where(MEASURED.harvest_id == harvest_id)


def _by_index(every: Select[int], sae_id: int, last: Place | None) -> Iterator[Select[int]]:
    of_sae = every.where(FeatureTable.sae_id == sae_id).order_by(FeatureTable.index)
    if last is None or sae_id > last.sae_id:
        yield of_sae
    elif sae_id == last.sae_id:
        yield of_sae.where(FeatureTable.index > last.index)


def _by_score(every: Select[int], best: ColumnElement[Any], last: Place | None) -> Iterator[Select[int]]:
    """Those with a score from the best, then those without one."""
    unscored = every.where(MEASURED.best.is_(None)).order_by(MEASURED.feature_id)
    if last is None or last.best is not None:
        scored = every.where(MEASURED.best.is_not(None))
        yield _from_largest(scored, best, None if last is None else last.by(last.best))
        yield unscored
    else:
        yield unscored.where(MEASURED.feature_id > last.id)


def _from_largest(every: Select[int], value: ColumnElement[Any], last: tuple[float | None, int] | None) -> Select[int]:
    """From the largest value, and among equal ones from the feature stored last: an index read backwards."""
    ordered = every.order_by(value.desc(), MEASURED.feature_id.desc())
    return ordered if last is None else ordered.where(sa.tuple_(value, MEASURED.feature_id) < sa.tuple_(*last))


def _place(session: ReadSession, harvest_id: str, feature_id: int) -> Place:
    table = FeatureTable
    columns = table.id, table.sae_id, table.index, MEASURED.density, MEASURED.max, MEASURED.best
    joined = sa.select(*columns).join(MEASURED, MEASURED.feature_id == table.id)
    row = session.sql.execute(joined.where(MEASURED.harvest_id == harvest_id, table.id == feature_id)).first()
    if row is None:
        raise NotFound(f"there is no feature {feature_id} in the harvest {harvest_id}")
    return Place(*row)
