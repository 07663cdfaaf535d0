"""Which features of a list pass: as conditions, and where few pass a filter that has an index, as those few."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from autointerp.storage import harvests, searches
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import FeatureFilter, FeatureOrder
from autointerp.storage.tables.explanations import ExplanationTable
from autointerp.storage.tables.harvests import FeatureTable, HarvestedFeatureTable

MEASURED = HarvestedFeatureTable
SEVERAL = 10  # times as many as are few
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Listed:
    """One filter: its conditions, and the features that pass it out of an index.

    `probe` is what is counted to see whether they are few; it is the same, or costs less and is not fewer. `listed` are
    the same conditions where those that pass are not so many that listing them costs more than asking for each.
    """

    conditions: list[ColumnElement[bool]]
    features: Select[int]
    probe: Select[int]
    listed: list[ColumnElement[bool]] | None = None


@dataclass(frozen=True, slots=True)
class Passing:
    """The filters as conditions on features and what a harvest measured of them. `looked_up`: few pass, and stand in
    the conditions by id, so that they are to be sorted and the list is not to be walked."""

    conditions: list[ColumnElement[bool]]
    looked_up: bool


def passing(session: ReadSession, filter: FeatureFilter, order: FeatureOrder, *, few: int) -> Passing:
    """The filters for a list in `order`; where at most `few` features pass one of them, they are looked up."""
    listed = list(_listed(session, filter, order))
    first = next((one for one in listed if _at_most(session, few, one.probe)), None)
    conditions = _plain(filter)
    for one in listed:
        if one is first:
            found = one.features.distinct().cte("found").prefix_with("MATERIALIZED")
            conditions.append(MEASURED.feature_id.in_(sa.select(found.c[0])))
        elif one.listed is not None and _at_most(session, SEVERAL * few, one.probe):
            conditions += one.listed
        else:
            conditions += one.conditions
    return Passing(conditions, looked_up=first is not None)


def _at_most(session: ReadSession, few: int, probe: Select[int]) -> bool:
    counted = sa.select(sa.func.count()).select_from(probe.limit(few + 1).subquery())
    return session.sql.execute(counted).scalar_one() <= few


def _listed(session: ReadSession, filter: FeatureFilter, order: FeatureOrder) -> Iterator[_Listed]:
    """The filters that have an index. Where a list is walked in another order, adding 0 hides that index from the
    planner: most features may pass, and would be sorted."""
    if filter.text is not None:
        features = sa.select(ExplanationTable.feature_id).where(
            ExplanationTable.harvest_id == filter.harvest_id, searches.among_matching(session, filter.text)
        )
        probe = searches.matching(session, filter.text)
        one_by_one, listed = (
            [_explained(searches.matches(session, filter.text, at_once=at_once))] for at_once in (False, True)
        )
        yield _Listed(one_by_one, features, probe, listed)
    index, density = FeatureTable.index.expression, MEASURED.density.expression
    if within := _given((filter.start, index.__ge__), (filter.stop, index.__lt__)):
        saes = harvests.sae_ids_of(session, filter.harvest_id)
        features = sa.select(FeatureTable.id).where(FeatureTable.sae_id.in_(saes), *within)
        walked = index if order is FeatureOrder.INDEX else index + 0
        yield _Listed(_given((filter.start, walked.__ge__), (filter.stop, walked.__lt__)), features, features)
    if dense := _given((filter.min_density, density.__ge__), (filter.max_density, density.__le__)):
        features = sa.select(MEASURED.feature_id).where(MEASURED.harvest_id == filter.harvest_id, *dense)
        walked = density if order is FeatureOrder.DENSITY else density + 0.0
        bounds = _given((filter.min_density, walked.__ge__), (filter.max_density, walked.__le__))
        yield _Listed(bounds, features, features)


def _plain(filter: FeatureFilter) -> list[ColumnElement[bool]]:
    """What has no index of its own."""
    return _given(
        (filter.sae_id, FeatureTable.sae_id.__eq__),
        (filter.min_firings, MEASURED.firings.__ge__),
        (filter.explained, lambda wanted: _explained() if wanted else ~_explained()),
    )


def _explained(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    same = ExplanationTable.harvest_id == MEASURED.harvest_id, ExplanationTable.feature_id == MEASURED.feature_id
    return sa.exists().where(*same, *conditions).correlate(MEASURED)


def _given(*bounds: tuple[T | None, Callable[[T], ColumnElement[bool]]]) -> list[ColumnElement[bool]]:
    return [condition(bound) for bound, condition in bounds if bound is not None]
