"""The best score of a feature: right after every score, whoever else scores the feature at the same time."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from autointerp.domain.scores import Score
from autointerp.storage import migrate, scores
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.scores import NewScore
from autointerp.storage.tables.harvests import HarvestedFeatureTable

from .conftest import World, feature

SCORE = Score(
    value=0.5,
    undefined=None,
    metric="balanced_accuracy",
    interval=None,
    asked=2,
    answered=2,
    unread={},
    metrics={},
    breakdown=(),
    trials=(),
)


def new(explanation_id: int, value: float | None, *, position: int = 0, control: str = "") -> NewScore:
    """A score with this value."""
    return NewScore(
        run_id=None,
        explanation_id=explanation_id,
        position=position,
        scorer="detection",
        judge="lexical",
        options={},
        judge_options={},
        model=None,
        seed=0,
        score=replace(SCORE, value=value, undefined=None if value is not None else "nothing was read"),
        tokens=0,
        cost=0,
        control=control,
    )


def best(database: Database) -> list[float | None]:
    """The best scores of all features, by id."""
    table = HarvestedFeatureTable
    with database.read() as session:
        return list(session.sql.scalars(sa.select(table.best).order_by(table.feature_id)))


def test_it_is_the_largest_of_the_scores_proper(world: World) -> None:
    first, second, _ = world.store(feature(0), feature(1), feature(2))
    claim, other = world.explain(first), world.explain(second)

    with world.database.write() as session:
        scores.add(session, new(claim, 0.25))
        scores.add_all(
            session,
            [new(claim, 0.75), new(claim, None), new(claim, 0.95, control="random"), new(other, None), new(claim, 0.5)],
        )

    assert [0.75, None, None] == best(world.database)


def test_a_score_that_was_there_already_changes_nothing(world: World) -> None:
    (stored,) = world.store(feature(0))
    run = world.run()
    claim = world.explain(stored)

    for value in (0.5, 0.75):
        with world.database.write() as session:
            scores.add_all(session, [replace(new(claim, value), run_id=run)])

    assert [0.5] == best(world.database)


@pytest.mark.parametrize("values", [(0.75, 0.25), (0.25, 0.75)])
def test_workers_that_score_a_feature_at_the_same_time_leave_the_better_score(
    world: World, values: Sequence[float]
) -> None:
    (stored,) = world.store(feature(0))
    claim = world.explain(stored)
    waiting = threading.Event()

    def score_too() -> None:
        with world.database.write() as session:
            waiting.set()
            scores.add(session, new(claim, values[1], position=1))

    def score(session: WriteSession) -> threading.Thread:
        scores.add(session, new(claim, values[0]))
        other = threading.Thread(target=score_too)
        other.start()
        if session.dialect == "postgresql":  # SQLite has one writer: the other begins when this one is done
            waiting.wait()
        other.join(timeout=0.5)
        return other

    with world.database.write() as session:
        other = score(session)
    other.join()

    assert [0.75] == best(world.database)


def test_an_upgrade_takes_it_from_the_scores_that_are_there(world: World) -> None:
    first, _ = world.store(feature(0), feature(1))
    claim = world.explain(first)
    with world.database.write() as session:
        scores.add_all(session, [new(claim, 0.25), new(claim, 0.75), new(claim, 0.9, control="random")])

    migrate.downgrade(world.database, "0018")
    migrate.upgrade(world.database)

    assert [0.75, None] == best(world.database)
