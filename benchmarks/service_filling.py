"""Filling a database with a synthetic catalogue, by the functions of storage, and how fast and how large that is."""

import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import psycopg

from autointerp.domain.explanations import Explanation
from autointerp.domain.specs import FeatureSelection
from autointerp.pipeline.storing import store_all, store_text
from autointerp.storage import explanations, features, upkeep
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.scores import NewScore, add_all
from benchmarks.service_catalogue import Catalogue, lay_ground
from benchmarks.tables import Line, at_least, at_most, noted

MADE = 10_000  # features that are made before the clock runs, so that making them is not measured
BATCH = 500  # explanations or scores a transaction
SHOWN = tuple((1_000 + 37 * i, 32 * (i % 8)) for i in range(40))  # windows that an explainer saw


@dataclass(frozen=True)
class Filled:
    """Where the catalogue is; the features that fire are explained and scored."""

    harvest: str
    sae: int
    ids: tuple[int, ...]
    explained: int


def fill(database: Database, count: int) -> tuple[Filled, list[Line]]:
    """Store a catalogue of so many features."""
    catalogue = Catalogue()
    catalogue.prepare()
    with database.write() as session:
        harvest, sae = lay_ground(session, catalogue, count)
    firing: list[bool] = []
    start, busy = time.perf_counter(), time.process_time()
    store_text(database, harvest, catalogue.corpus.texts(), lambda: False)
    seconds, working = time.perf_counter() - start, time.process_time() - busy
    for first in range(0, count, MADE):
        made = [catalogue.feature(index) for index in range(first, min(first + MADE, count))]
        firing.extend(feature.statistics.firings > 0 for feature in made)
        start, busy = time.perf_counter(), time.process_time()
        store_all(database, harvest, sae, made, lambda: False)
        seconds, working = seconds + time.perf_counter() - start, working + time.process_time() - busy
        print(f"{first + len(made):,} features, {seconds:,.0f} s", file=sys.stderr)
    with database.read() as session:
        every = FeatureSelection(min_firings=0, max_density=1.0)
        ids = features.select(session, harvest, every, seed=0)
    live = [feature_id for feature_id, fires in zip(ids, firing, strict=True) if fires]
    claims: list[int] = []

    def explained(session: WriteSession, first: int) -> None:
        for place in range(first, min(first + BATCH, len(live))):
            claims.append(_explain(session, catalogue, harvest, live[place]))

    explaining = _rate(database, explained, len(live), "explanations")

    def scored(session: WriteSession, first: int) -> None:
        add_all(session, [_score(catalogue, claim) for claim in claims[first : first + BATCH]])

    scoring = _rate(database, scored, len(live), "scores")
    start = time.perf_counter()
    upkeep.settle(database)
    settled = time.perf_counter() - start
    return Filled(harvest, sae, ids, len(live)), [
        at_least("bulk ingest: features with a hundred examples each", count / seconds, 5_000, "features/s"),
        noted("– CPU of the process that stores them", working / count * 1_000, "ms a feature"),
        noted("– explanations, one by one", explaining, "a second"),
        noted("– scores with their trials", scoring, "a second"),
        noted("– statistics for the planner, at the end", settled, "s"),
    ]


def size(database: Database, filled: Filled) -> list[Line]:
    """How large the database is."""
    total = _bytes(database)
    return [at_most("database size a feature", total / len(filled.ids) / 1_000, 8, "kB")]


def _rate(database: Database, write: Callable[[WriteSession, int], None], count: int, what: str) -> float:
    """Write batch after batch, each in a transaction, and return how many were written a second."""
    start = time.perf_counter()
    for first in range(0, count, BATCH):
        with database.write() as session:
            write(session, first)
        if first % (100 * BATCH) == 0:
            print(f"{first:,} {what}, {time.perf_counter() - start:,.0f} s", file=sys.stderr)
    return count / (time.perf_counter() - start)


def _explain(session: WriteSession, catalogue: Catalogue, harvest: str, feature_id: int) -> int:
    return explanations.add(
        session,
        run_id=None,
        harvest_id=harvest,
        feature_id=feature_id,
        position=0,
        explainer="default",
        options={"examples": 40},
        explanation=Explanation(catalogue.texts[feature_id % len(catalogue.texts)], SHOWN, "p" * 64, "r" * 64),
        model="endpoint/model",
        seed=0,
        tokens=3_000,
        cost=450_000,
    )


def _score(catalogue: Catalogue, claim: int) -> NewScore:
    return NewScore(
        run_id=None,
        explanation_id=claim,
        position=0,
        scorer="detection",
        judge="llm",
        options={"passages": 5},
        judge_options={},
        model="endpoint/model",
        seed=0,
        score=catalogue.scores[claim % len(catalogue.scores)],
        tokens=9_000,
        cost=1_350_000,
    )


def _bytes(database: Database) -> int:
    if database.dialect == "sqlite":
        with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as connection:
            found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")]
            return found[0] * found[1]
    with psycopg.connect(database.url.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found is not None
    return int(found[0])
