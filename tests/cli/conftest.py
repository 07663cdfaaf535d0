"""The command line over a seeded database."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autointerp.cli import app
from autointerp.storage.engine import Database
from tests.api.seed import Seeded, seed

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def library(upgraded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seeded]:
    """A seeded database for reading only, and what it holds."""
    path = tmp_path_factory.mktemp("library") / "autointerp.db"
    shutil.copyfile(upgraded_sqlite, path)
    database = Database(f"sqlite:///{path}")
    seeded = seed(database)
    database.close()
    return path, seeded


@pytest.fixture
def seeded(library: tuple[Path, Seeded]) -> Seeded:
    """What the library holds."""
    return library[1]


@pytest.fixture
def run(library: tuple[Path, Seeded], tmp_path: Path) -> Run:
    """Runs a command over the library, its output folder empty."""
    environment = {
        "AUTOINTERP_DATABASE_URL": f"sqlite:///{library[0]}",
        "AUTOINTERP_DATA_DIR": str(tmp_path),
        "OPENAI_API_KEY": "no key of anybody's",
    }

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env={**environment, "COLUMNS": "200"})

    return invoke
