"""The application over the harvested planted subject, with a worker that does each job as soon as it is handed in."""

import asyncio
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient

from autointerp.storage import features, harvests
from autointerp.storage.records import FeatureFilter, FeatureOrder, FeatureRow, HarvestRecord
from tests.api.conftest import app_at
from tests.pipeline.conftest import folder, harvested, subjects, world
from tests.pipeline.memory_queue import MemoryQueue
from tests.pipeline.world import World

__all__ = ["folder", "harvested", "subjects", "world"]


@dataclass
class PromptQueue(MemoryQueue):
    """Has each job done before it returns, unless it `rests`."""

    world: World | None = None
    rests: bool = False
    done: list[str] = field(default_factory=list)

    def submit(self, job: str, *, queue: str, handler: str, args: Mapping[str, Any]) -> None:
        super().submit(job, queue=queue, handler=handler, args=args)
        self.work()

    def work(self) -> None:
        """Do what is queued."""
        if not self.rests and self.queued and self.world is not None:
            self.done += self.queued
            asyncio.run(self.world.work())


@pytest.fixture
def queue(world: World) -> PromptQueue:
    """Where work is handed in and done."""
    queue = PromptQueue(world=world)
    world.queue = queue
    object.__setattr__(world.desk, "jobs", queue)
    return queue


@pytest.fixture
def client(world: World, queue: PromptQueue) -> Generator[TestClient]:
    """A client of the application."""
    with TestClient(app_at(world.desk), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def harvest(world: World) -> HarvestRecord:
    """The harvest of the planted subject."""
    with world.desk.database.read() as session:
        (found,) = harvests.list_harvests(session, after=None, limit=2)
    return found


@pytest.fixture
def rows(world: World, harvest: HarvestRecord) -> dict[int, FeatureRow]:
    """The features that fire, by index."""
    with world.desk.database.read() as session:
        filter = FeatureFilter(harvest.id, min_firings=1)
        found = features.list_features(session, filter, order=FeatureOrder.INDEX, after=None, limit=100)
    return {row.record.index: row for row in found}
