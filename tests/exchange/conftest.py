"""Databases to export from and to import into."""

import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from autointerp.storage import scores
from autointerp.storage.engine import Database
from tests.api.seed import Seeded, seed


@pytest.fixture(scope="session")
def source(upgraded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Database, Seeded]]:
    """A seeded database to export from, one of whose scores is a control with another feature's explanation."""
    path = tmp_path_factory.mktemp("source") / "autointerp.db"
    shutil.copyfile(upgraded_sqlite, path)
    database = Database(f"sqlite:///{path}")
    seeded = seed(database)
    _add_control(database, seeded)
    yield database, seeded
    database.close()


def _add_control(database: Database, seeded: Seeded) -> None:
    with database.read() as session:
        score = scores.get(session, seeded.scores[0])
    with database.write() as session:
        control = scores.NewScore(
            run_id=None,
            explanation_id=seeded.explanations[0],
            position=0,
            scorer="detection",
            judge="lexical",
            options={"passages": 5},
            judge_options={},
            model=None,
            seed=3,
            score=score.score,
            tokens=1,
            cost=7,
            control="shuffled",
            borrowed_id=seeded.explanations[1],
        )
        scores.add(session, control)


@pytest.fixture
def empty(upgraded_sqlite: Path, tmp_path: Path) -> Generator[Callable[[], Database]]:
    """Makes empty databases."""
    made: list[Database] = []

    def make() -> Database:
        path = tmp_path / f"empty-{len(made)}.db"
        shutil.copyfile(upgraded_sqlite, path)
        made.append(Database(f"sqlite:///{path}"))
        return made[-1]

    yield make
    for database in made:
        database.close()
