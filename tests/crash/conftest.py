"""Databases with the harvest of the bundled model, made once, and what was seen of each case, told at the end.

`make test-crash` runs these tests; `MOMENTS=3` kills at so many random moments in each case (20 if not given), and
`SEED=7` chooses other ones.
"""

import os
import random
import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from autointerp import demo, wiring
from autointerp.domain.specs import HarvestSpec
from autointerp.runs import create_harvest, wait_harvest
from autointerp.settings import load
from tests.crash.installation import Installation, installed
from tests.crash.postgres import Postgres, postgres
from tests.crash.report import Line, Report
from tests.crash.toll import Toll, asked

MOMENTS = int(os.environ.get("MOMENTS") or 20)
SEED = int(os.environ.get("SEED") or 0)
REPORT = Report(SEED)
NUMBERS = count()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if REPORT.lines:
        terminalreporter.write_line(f"\nseed {SEED}\n\n{REPORT.text()}")


@dataclass(frozen=True, slots=True)
class Harvested:
    """A database that holds a harvest, to be copied."""

    url: str
    harvest: str


@pytest.fixture(scope="session")
def server() -> Generator[Postgres]:
    """A PostgreSQL that may be killed."""
    with postgres() as running:
        yield running


@pytest.fixture(scope="session")
def harvested(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Harvested]:
    """Harvests once into each kind of database."""
    made: dict[str, Harvested] = {}

    def harvest(kind: str) -> Harvested:
        if kind not in made:
            folder = tmp_path_factory.mktemp("harvested")
            server: Postgres | None = request.getfixturevalue("server") if kind == "postgresql" else None
            url = server.make("harvested") if server else f"sqlite:///{folder / 'harvested.db'}"
            made[kind] = Harvested(url, _harvest(url, folder))
        return made[kind]

    return harvest


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return request.param


@pytest.fixture
def copied(
    kind: str, harvested: Callable[[str], Harvested], request: pytest.FixtureRequest, tmp_path: Path
) -> Harvested:
    """A copy of the database with the harvest."""
    template = harvested(kind)
    if kind == "sqlite":
        shutil.copyfile(template.url.removeprefix("sqlite:///"), tmp_path / "autointerp.db")
        return Harvested(f"sqlite:///{tmp_path / 'autointerp.db'}", template.harvest)
    server: Postgres = request.getfixturevalue("server")
    return Harvested(server.make(f"crash_{next(NUMBERS)}", like="harvested"), template.harvest)


@pytest.fixture
def toll(tmp_path: Path) -> Generator[Toll]:
    """A language-model server in a process of its own."""
    with asked(tmp_path) as running:
        yield running


@pytest.fixture
def house(copied: Harvested, toll: Toll, tmp_path: Path) -> Generator[Installation]:
    """An installation with an API and two workers."""
    with installed(copied.url, copied.harvest, toll, tmp_path) as running:
        yield running


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance of each test's own."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def told(kind: str) -> Callable[[str], Line]:
    """Begins a line of the table."""
    return lambda case: REPORT.line(case, {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[kind])


def _harvest(url: str, folder: Path) -> str:
    """Harvest the bundled model and return the harvest's id."""
    spec = HarvestSpec.model_validate(
        {
            "subject": {"model": str(demo.MODEL)},
            "saes": [{"path": str(demo.SAE_TOPK)}],
            "corpus": {"kind": "stdlib"},
            "tokens": 30_000,
        }
    )
    settings = load(database_url=url, data_dir=folder)
    database = wiring.open_database(settings)
    with wiring.open_desk(settings, database) as desk, wiring.embedded_worker(settings, database):
        made = wait_harvest(desk, create_harvest(desk, spec).id, timeout=600, poll=0.1)
    database.close()
    return made.id
