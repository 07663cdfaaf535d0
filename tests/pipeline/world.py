"""The planted subject, harvested once, and everything the stages need to work on a copy of it in this process."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from autointerp.domain.calls import Reply, Request
from autointerp.domain.inquiries import InquiryLimits
from autointerp.domain.specs import CorpusSpec, HarvestSpec, RunSpec, SaeSpec, SubjectSpec
from autointerp.jobs.records import Stop
from autointerp.llm import honest
from autointerp.llm.base import Endpoint, Policy
from autointerp.llm.stack import Gateway
from autointerp.pipeline.bench import Workbench
from autointerp.pipeline.device import Device
from autointerp.pipeline.handlers import handlers
from autointerp.pipeline.harvest import Field
from autointerp.pipeline.inquiries.counter import Counter
from autointerp.pipeline.shards import ShardStore
from autointerp.pipeline.shop import Shop
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import Desk, create_harvest, create_run
from autointerp.storage import runs
from autointerp.storage.engine import Database
from autointerp.storage.llm_books import open_books
from autointerp.storage.records import RunProgress, RunRecord
from tests.pipeline.memory_queue import MemoryQueue

Answering = Callable[[Request], Reply | str]
AT_ONCE = 4  # requests in flight, and features
FEATURES = (1, 2, 3, 4, 5, 6)  # of the planted SAE: each fires often enough to be explained and scored


def go_on() -> bool:
    """A worker that is not told to stop."""
    return False


def honestly(request: Request) -> str:
    """Answer from the text alone."""
    return honest.answer(request.messages, request.schema)


@dataclass
class Model:
    """A language model that counts what it is asked; `answer` may be exchanged."""

    answer: Answering = honestly
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply | str:
        self.asked.append(request)
        return self.answer(request)


@dataclass
class World:
    """A desk, a queue and the stages, over one database."""

    desk: Desk
    queue: MemoryQueue
    model: Model
    shop: Shop
    field: Field
    counter: Counter
    harvest: HarvestSpec

    def spec(self, **options: object) -> RunSpec:
        """A run over six features, with the LLM explaining and judging, and without controls."""
        usual = {
            "harvest": self.harvest,
            "features": {"indices": FEATURES},
            "explainers": ["default"],
            "scorers": [{"name": "detection", "judge": "llm"}],
            "llm": "fake/model",
            "chunk": 4,
            "controls": {"features": 0},
        }
        return RunSpec.model_validate(usual | options)

    async def work(self, stop: Stop = go_on) -> None:
        """Do every job on the queue, and those that they queue."""
        for order in self.queue.take():
            await handlers(self.shop, self.field, self.counter)[order.handler](order.args, stop)

    async def carry_out(self, spec: RunSpec) -> RunRecord:
        """Hand in a run, do its jobs, and return how it ended."""
        run = create_run(self.desk, spec, idempotency_key=None)
        await self.work()
        return self.run(run.id)

    def run(self, run_id: str) -> RunRecord:
        """The run as it stands."""
        with self.desk.database.read() as session:
            return runs.get(session, run_id)

    def progress(self, run_id: str) -> RunProgress:
        """How far the run is."""
        with self.desk.database.read() as session:
            return runs.progress(session, run_id)


def planted_harvest(folder: Path, **options: object) -> HarvestSpec:
    """A small harvest of the planted subject saved in `folder`."""
    usual: dict[str, object] = {"tokens": 12_000, "context": 64, "batch": 16, "pool": 500, "shards": 2}
    return HarvestSpec(
        subject=SubjectSpec(model=str(folder / "model")),
        saes=(SaeSpec(path=str(folder / "sae")),),
        corpus=CorpusSpec(kind="jsonl", path=str(folder / "documents.jsonl"), id_field="id"),
        **(usual | options),  # pyright: ignore[reportArgumentType]
    )


@asynccontextmanager
async def open_world(
    url: str, *, folder: Path, data_dir: Path, subjects: LoadedSubjects, endpoint: Endpoint | None = None
) -> AsyncGenerator[World]:
    """Put the parts together over the database `url`, with an endpoint in place of the fake one if one is given."""
    database = Database(url)
    queue, model = MemoryQueue(), Model()
    prompts = PromptLibrary.load(default_folder())
    policy = Policy(concurrency=AT_ONCE, max_concurrency=AT_ONCE)
    endpoint = endpoint or Endpoint(name="fake", provider="fake", options={"answer": model}, policy=policy)
    endpoints = {endpoint.name: endpoint}
    async with open_books(database) as books:
        gateway = Gateway(endpoints, books)
        bench = Workbench(gateway, books, prompts, subjects, "cpu")
        yield World(
            desk=Desk(database, queue, prompts, endpoints, timedelta(seconds=15), InquiryLimits()),
            queue=queue,
            model=model,
            shop=Shop(database, books.commits, queue, bench, at_once=AT_ONCE),
            field=Field(database, queue, Device("cpu"), subjects, ShardStore(data_dir / "shards")),
            counter=Counter(database, subjects, "cpu", InquiryLimits()),
            harvest=planted_harvest(folder),
        )
        await gateway.close()
    database.close()


async def harvest_into(url: str, *, folder: Path, subjects: LoadedSubjects) -> None:
    """Harvest the planted subject saved in `folder` into the upgraded database `url`, by the stages."""
    async with open_world(url, folder=folder, data_dir=folder, subjects=subjects) as world:
        create_harvest(world.desk, world.harvest)
        await world.work()
