"""The worker: takes jobs from the queues and runs the stages of the pipeline, in threads of this process."""

import logging
import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import CollectorRegistry

from autointerp.collector import old_memory_left_alone
from autointerp.domain.inquiries import InquiryLimits
from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.harvest.location import open_location
from autointerp.jobs.duty import on_duty
from autointerp.jobs.engine import QueueOptions, is_busy, worker_name
from autointerp.jobs.place import beside
from autointerp.jobs.records import HARVEST, LLM, MODEL, Submitter
from autointerp.jobs.submitter import open_submitter
from autointerp.llm.base import Endpoint
from autointerp.llm.measuring import Attempted, CountedBooks, OpenLines
from autointerp.llm.stack import Gateway
from autointerp.observing.exposition import exposed
from autointerp.pipeline.batches.loop import tending
from autointerp.pipeline.bench import Workbench
from autointerp.pipeline.device import Device
from autointerp.pipeline.embedding import Embedding, embedding
from autointerp.pipeline.handlers import handlers
from autointerp.pipeline.harvest import Field
from autointerp.pipeline.inquiries.counter import Counter
from autointerp.pipeline.shards import ShardStore
from autointerp.pipeline.shop import Shop
from autointerp.pipeline.subjects import Subjects
from autointerp.prompts import PromptLibrary
from autointerp.storage import prompts as stored_prompts
from autointerp.storage import upkeep
from autointerp.storage.engine import Database
from autointerp.storage.group_commit import GroupCommit
from autointerp.storage.llm_books import Books

INQUIRIES = 4  # taken at once

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker works with. `chunks` of runs at once, `features` of each in flight; times in seconds.

    `shards` is the folder or fsspec URL of the shards of harvests, `reach` what specs may name. `metrics_port` None:
    nobody asks for numbers.
    """

    database: Database
    endpoints: tuple[Endpoint, ...]
    prompts: PromptLibrary
    subjects: Subjects
    device: str
    shards: str
    chunks: int
    features: int
    lease: float
    drain: float
    polling: float
    inquiry_polling: float
    tending: float
    metrics_port: int | None
    metrics_host: str
    limits: InquiryLimits
    reach: Reach = EVERYTHING


@contextmanager
def working(equipment: Equipment, queues: Sequence[str]) -> Generator[str]:
    """Serve the queues until the block is left; yields the worker's name."""
    _keep_prompts(equipment)
    database = equipment.database
    upkeep.settle_alone(database)
    commits = GroupCommit(database)
    name = worker_name()
    books = Books.over(commits, worker=name)
    endpoints = {one.name: one for one in equipment.endpoints}
    registry = CollectorRegistry()
    gateway = Gateway(endpoints, books if equipment.metrics_port is None else CountedBooks(books, Attempted(registry)))
    registry.register(OpenLines(gateway.open_lines))
    bench = Workbench(gateway, books, equipment.prompts, equipment.subjects, equipment.device, equipment.reach)
    with open_submitter(beside(database.url)) as jobs:
        shop = Shop(database, commits, jobs, bench, at_once=equipment.features)
        field = _field(equipment, jobs) if HARVEST in queues else None
        counter = Counter(database, equipment.subjects, equipment.device, equipment.limits, equipment.reach)
        with (
            tending(database, jobs, endpoints, pause=equipment.tending) if LLM in queues else nullcontext(),
            _embedding(equipment) if MODEL in queues else nullcontext(),
            on_duty(
                database,
                jobs,
                handlers(shop, field, counter),
                worker=name,
                queues=tuple(_options(equipment, queue) for queue in queues),
                lease=timedelta(seconds=equipment.lease),
                drain=equipment.drain,
                closing=bench.close,
            ) as worker,
            _numbers(equipment, registry),
            old_memory_left_alone(),
        ):
            yield worker


def work_until_told(equipment: Equipment, queues: Sequence[str]) -> None:
    """Serve the queues until SIGTERM or SIGINT, then leave in order."""
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with working(equipment, queues) as worker:
            _log.info("worker %s serves %s", worker, ", ".join(queues))
            told.wait()
            _log.info("worker %s leaves; features in flight are finished first", worker)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _embedding(equipment: Equipment) -> AbstractContextManager[None]:
    work = Embedding(equipment.database, equipment.device, equipment.reach)
    return embedding(work, pause=equipment.tending, busy=is_busy)


def _numbers(equipment: Equipment, registry: CollectorRegistry) -> AbstractContextManager[object]:
    if equipment.metrics_port is None:
        return nullcontext()
    return exposed(registry, host=equipment.metrics_host, port=equipment.metrics_port)


def _options(equipment: Equipment, queue: str) -> QueueOptions:
    """One harvest at a time, because it fills the device; of runs as many chunks as set. Inquiries are looked for more
    often, because somebody waits for them, and several at once, because one may load a model that another needs not."""
    if queue == MODEL:
        return QueueOptions(queue, concurrency=INQUIRIES, polling=equipment.inquiry_polling)
    return QueueOptions(queue, concurrency=1 if queue == HARVEST else equipment.chunks, polling=equipment.polling)


def _field(equipment: Equipment, jobs: Submitter) -> Field:
    shards = ShardStore(open_location(equipment.shards))
    return Field(equipment.database, jobs, Device(equipment.device), equipment.subjects, shards)


def _keep_prompts(equipment: Equipment) -> None:
    """Store the text of every prompt, so that each result can be traced to what was asked."""
    with equipment.database.write() as session:
        for prompt in equipment.prompts.prompts.values():
            stored_prompts.save(session, version=prompt.version, name=prompt.name, text=prompt.text)
