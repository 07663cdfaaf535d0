"""How the important lists are found: by an index in the order of the list, whatever the size of the catalogue."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event

from autointerp.storage import feature_lists, features, searches, upkeep
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import FeatureFilter, FeatureOrder
from autointerp.storage.searches import SearchFilter

from .conftest import World, feature

COUNT = 120
FEATURES = "harvested_features"
READING_ALL = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
SORTING = ("enable_sort",)


@pytest.fixture
def large(world: World) -> World:
    """Many features, every other one explained and scored, and counted by the database."""
    ids = world.store(*(feature(i, firings=i * 7 % 900, largest=float(i * 31 % COUNT)) for i in range(COUNT)))
    for place, feature_id in enumerate(ids[::2]):
        word = "zebra" if place == 7 else "often"
        world.score(world.explain(feature_id, text=f"fires {word}"), value=place / COUNT)
    upkeep.settle(world.database)
    return world


@contextmanager
def explained(session: ReadSession) -> Generator[list[str]]:
    """The plans of the statements that are carried out meanwhile, as the database tells them."""
    plans: list[str] = []
    connection = session.sql.connection()
    how = "EXPLAIN QUERY PLAN" if session.dialect == "sqlite" else "EXPLAIN"

    def explain(cursor: Any, statement: str, parameters: Any) -> None:
        told = cursor.connection.cursor()
        told.execute(f"{how} {statement}", parameters)
        plans.append("\n".join(str(row[-1]) for row in told.fetchall()))

    def before(_: Connection, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        explain(cursor, statement, parameters)

    event.listen(connection, "before_cursor_execute", before)
    yield plans
    event.remove(connection, "before_cursor_execute", before)


def plans(
    world: World, read: Callable[[ReadSession], object], *, dear: tuple[str, ...] = (*READING_ALL, *SORTING)
) -> list[str]:
    """The plans of reading something. PostgreSQL is told what is dear: this catalogue is too small for it to mind."""
    with world.database.read() as session:
        if session.dialect == "postgresql":
            for setting in dear:
                session.sql.execute(sa.text(f"SET LOCAL {setting} = off"))
        with explained(session) as found:
            read(session)
    return found


def reads_all(plan: str, table: str) -> bool:
    """Whether a whole table is read, by PostgreSQL or by SQLite."""
    return f"Seq Scan on {table}" in plan or any(
        line.startswith(f"SCAN {table}") and "VIRTUAL TABLE" not in line for line in plan.splitlines()
    )


def sorts(plan: str) -> bool:
    """Whether rows are sorted."""
    return "USE TEMP B-TREE FOR ORDER BY" in plan or "Sort" in plan


def page(world: World, order: FeatureOrder, after: int | None) -> list[str]:
    """The plans of one page of a list of features, with the statements that prepare it."""
    wanted = FeatureFilter(harvest_id=world.harvest)
    return plans(world, lambda s: features.list_features(s, wanted, order=order, after=after, limit=10))


@pytest.mark.parametrize("order", FeatureOrder)
@pytest.mark.parametrize("deep", [False, True])
def test_every_order_is_read_from_an_index_from_where_the_page_begins(
    large: World, order: FeatureOrder, deep: bool
) -> None:
    with large.database.read() as session:
        after = features.get_by_index(session, large.harvest, large.sae, 60).id if deep else None

    found = page(large, order, after)

    index = {
        FeatureOrder.INDEX: "uq_features_sae_id_index",
        FeatureOrder.DENSITY: "ix_harvested_features_harvest_id_density_feature_id",
        FeatureOrder.MAX: "ix_harvested_features_harvest_id_max_feature_id",
        FeatureOrder.SCORE: "ix_harvested_features_harvest_id_best_feature_id",
    }
    if large.database.dialect == "sqlite":
        index[FeatureOrder.INDEX] = "sqlite_autoindex_features_1"
    assert any(index[order] in plan and not sorts(plan) for plan in found), found
    assert not any(reads_all(plan, FEATURES) or reads_all(plan, "features") for plan in found), found


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (
            {"text": "zebra"},
            {"sqlite": "explanation_search VIRTUAL TABLE INDEX", "postgresql": "ix_explanations_search"},
        ),
        ({"min_density": 0.85}, dict.fromkeys(("sqlite", "postgresql"), "harvest_id_density_feature_id")),
        (
            {"start": 30, "stop": 40},
            {"sqlite": "sqlite_autoindex_features_1", "postgresql": "uq_features_sae_id_index"},
        ),
    ],
)
def test_what_few_features_pass_is_looked_up_in_an_index(
    large: World, filters: dict[str, Any], index: dict[str, str]
) -> None:
    wanted = FeatureFilter(harvest_id=large.harvest, **filters)
    dear = (*READING_ALL, "enable_indexscan") if "text" in filters else READING_ALL  # the index of words has no order

    found = plans(
        large,
        lambda s: features.list_features(s, wanted, order=FeatureOrder.SCORE, after=None, limit=10),
        dear=dear,
    )

    (plan, *_) = [plan for plan in found if "found" in plan]
    assert index[large.database.dialect] in plan, plan
    assert not any(reads_all(plan, FEATURES) or reads_all(plan, "explanations") for plan in found), found


@pytest.mark.parametrize("filters", [{"text": "often"}, {"max_density": 0.5}, {"start": 3}, {"explained": True}])
def test_what_many_features_pass_is_walked_in_the_order_of_the_list(large: World, filters: dict[str, Any]) -> None:
    wanted = FeatureFilter(harvest_id=large.harvest, **filters)

    found = plans(
        large,
        lambda s: feature_lists.ids(s, wanted, order=FeatureOrder.SCORE, after=None, limit=10, few=5),
    )

    (plan, *_) = [plan for plan in found if "ix_harvested_features_harvest_id_best_feature_id" in plan]
    assert not sorts(plan), plan


def test_a_search_begins_at_the_words(large: World) -> None:
    dear = (*READING_ALL, "enable_indexscan")

    found = plans(large, lambda s: searches.by_words(s, "zebra", SearchFilter(), after=None, limit=10), dear=dear)

    index = {"sqlite": "explanation_search VIRTUAL TABLE INDEX", "postgresql": "ix_explanations_search"}
    assert index[large.database.dialect] in found[0], found
    assert not any(reads_all(plan, "explanations") for plan in found), found


def test_a_page_reads_the_statistics_of_the_features_that_it_shows_alone(large: World) -> None:
    with large.database.read() as session:
        read: list[str] = []
        event.listen(session.sql.connection(), "before_cursor_execute", lambda *given: read.append(given[2]))
        wanted = FeatureFilter(harvest_id=large.harvest)
        rows = features.list_features(session, wanted, order=FeatureOrder.SCORE, after=None, limit=10)

    assert len(rows) == 10
    (statement,) = [statement for statement in read if "harvested_features.statistics" in statement]
    assert "harvested_features.best" not in statement
    assert len(read) <= 4
