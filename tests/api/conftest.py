"""The application over a seeded database, and a client for it."""

import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from autointerp.api.app import create_app
from autointerp.api.gate.access import Access, Limits, Mode
from autointerp.domain.inquiries import InquiryLimits
from autointerp.jobs.records import Job
from autointerp.llm.base import Endpoint
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import Desk
from autointerp.storage import migrate
from autointerp.storage.engine import Database
from tests.api.seed import Seeded, seed

LIBRARIES = count()  # the fixture serves several folders, each of which makes its own


@dataclass
class Queue:
    """A queue that no worker serves: it remembers what was handed in."""

    submitted: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)

    def submit(self, job: str, *, queue: str, handler: str, args: Mapping[str, Any], priority: int = 0) -> None:
        self.submitted.append(job)

    def cancel(self, jobs: Sequence[str]) -> None:
        self.cancelled.extend(jobs)

    def resume(self, jobs: Sequence[str], *, queue: str) -> None:
        self.resumed.extend(jobs)

    def status(self, prefix: str) -> tuple[Job, ...]:
        return ()

    def depth(self, queue: str) -> int:
        return len(self.submitted)

    def purge(self, prefix: str) -> None:
        self.submitted = [job for job in self.submitted if not job.startswith(prefix)]


@dataclass(frozen=True)
class Library:
    """A database for reading only, shared by the tests, and what it holds."""

    database: Database
    seeded: Seeded


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Library]:
    """A seeded database of each kind."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("library") / "autointerp.db"
        shutil.copyfile(request.getfixturevalue("upgraded_sqlite"), path)
        url = f"sqlite:///{path}"
    else:
        url = _postgres_library(request)
    database = Database(url)
    migrate.upgrade(database)
    yield Library(database=database, seeded=seed(database))
    database.close()


def _postgres_library(request: pytest.FixtureRequest) -> str:
    server = request.getfixturevalue("postgres")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {(name := f'library_{next(LIBRARIES)}')}")
    return server.get_uri(name)


@pytest.fixture(scope="session")
def seeded(library: Library) -> Seeded:
    """What the library holds."""
    return library.seeded


@pytest.fixture(scope="session")
def reader(library: Library) -> Generator[TestClient]:
    """A client of the application over the library."""
    yield from _client(app_over(library.database, Queue()))


@pytest.fixture
def queue() -> Queue:
    """Where work is handed in."""
    return Queue()


@pytest.fixture
def app(database: Database, queue: Queue) -> FastAPI:
    """The application over an empty database of its own."""
    return app_over(database, queue)


@pytest.fixture
def client(app: FastAPI) -> Generator[TestClient]:
    """A client of the application over an empty database of its own."""
    yield from _client(app)


def app_over(database: Database, queue: Queue) -> FastAPI:
    desk = Desk(
        database=database,
        jobs=queue,
        prompts=PromptLibrary.load(default_folder()),
        endpoints={name: Endpoint(name=name, provider=name, api_key=SecretStr("k")) for name in ("openai", "fake")},
        lease=timedelta(seconds=15),
        limits=InquiryLimits(),
    )
    return app_at(desk)


def app_at(desk: Desk) -> FastAPI:
    """The application over a desk and its database, for one person."""
    access = Access(mode=Mode.SINGLE_USER, hosts=frozenset({"testserver"}), origins=())
    return create_app(desk.database, desk, access=access, limits=Limits(body=1 << 20, seconds=30.0, depth=32))


def _client(app: FastAPI) -> Generator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
