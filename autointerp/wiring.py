"""Builds the parts from the settings: the only place where they meet. What is heavy is imported when it is built."""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.errors import InvalidInput, Unavailable
from autointerp.jobs.records import QUEUES
from autointerp.observing import logs
from autointerp.observing.tracing import tracing
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import Desk
from autointerp.settings import Settings
from autointerp.storage import keys, migrate
from autointerp.storage.engine import Database

if TYPE_CHECKING:
    from fastapi import FastAPI

    from autointerp.api.gate.access import Access
    from autointerp.llm.base import Endpoint
    from autointerp.worker import Equipment


DEPTH = 32  # of the JSON of a request; a spec needs a quarter of that


def open_database(settings: Settings) -> Database:
    """Open the database. A SQLite file is made and upgraded; a PostgreSQL database must be at this code's version."""
    database = Database(settings.database_url)
    if database.dialect == "sqlite":
        migrate.upgrade(database)
    elif not migrate.is_current(database):
        raise Unavailable("the database is not at the version of this code; run `autointerp db upgrade`")
    return database


@contextmanager
def open_desk(settings: Settings, database: Database, *, reach: Reach = EVERYTHING) -> Generator[Desk]:
    """Open the desk where work is handed in, without a worker; `reach` is what specs may name there."""
    from autointerp.jobs.place import beside
    from autointerp.jobs.submitter import open_submitter

    with open_submitter(beside(database.url)) as jobs:
        yield Desk(
            database=database,
            jobs=jobs,
            prompts=_prompts(settings),
            endpoints={endpoint.name: endpoint for endpoint in endpoints(settings)},
            lease=timedelta(seconds=settings.worker.lease),
            reach=reach,
            limits=settings.inquiries,
        )


def embedded_worker(
    settings: Settings, database: Database, *, queues: Sequence[str] = QUEUES
) -> AbstractContextManager[str]:
    """A worker in this process for as long as the block runs; the caller's thread and loop stay free."""
    from autointerp.worker import working

    return working(_equipment(settings, database), queues)


def run_worker(settings: Settings, queues: Sequence[str]) -> None:
    """Serve the queues until SIGTERM or SIGINT."""
    from autointerp.worker import work_until_told

    database = open_database(settings)
    try:
        work_until_told(_equipment(settings, database), queues)
    finally:
        database.close()


def embed_missing(settings: Settings, database: Database, told: Callable[[int], None]) -> int:
    """Give every explanation that has none its vector, telling how many are done; return how many it were."""
    from autointerp.pipeline.embedding import catch_up

    return catch_up(database, settings.device, told, reach=_reach_of_work(settings))


def create_api(settings: Settings, host: str) -> "FastAPI":
    """Make the API over its own database connection and desk, which are closed when it shuts down.


    InvalidInput when it is to ask for keys at the address `host`, and there is none to show.
    """
    from autointerp.api.app import create_app
    from autointerp.api.gate.access import Limits, Mode

    access = access_of(settings, host)
    with ExitStack() as opened:
        database = open_database(settings)
        opened.callback(database.close)
        if access.mode is Mode.KEYS:
            _need_key(database, host)
        reach = EVERYTHING if access.mode is Mode.SINGLE_USER else _reach(settings)
        desk = opened.enter_context(open_desk(settings, database, reach=reach))
        given = settings.access
        limits = Limits(body=given.body, seconds=given.seconds, depth=DEPTH)
        app = create_app(database, desk, access=access, limits=limits)
        stack = opened.pop_all()

    @asynccontextmanager
    async def until_shutdown(_: "FastAPI") -> AsyncGenerator[None]:
        with stack:
            yield

    app.router.lifespan_context = until_shutdown
    return app


@contextmanager
def observed(settings: Settings, service: str) -> Generator[None]:
    """Log and trace this process as the settings say until the block is left."""
    logs.begin(level=settings.log_level, style=settings.log_format, service=service, secrets=settings.secrets())
    with tracing(settings.otlp_endpoint, service=service):
        yield


def access_of(settings: Settings, host: str) -> "Access":
    """Who may ask the API when it listens at `host`."""
    from autointerp.api.gate.access import Access, Mode
    from autointerp.api.gate.hosts import is_loopback

    given = settings.access
    mode = Mode.PROXY if given.mode == "proxy" else Mode.KEYS
    if given.mode == "auto" and is_loopback(host):
        mode = Mode.SINGLE_USER
    return Access(mode=mode, hosts=frozenset(name.lower() for name in given.hosts), origins=given.origins)


def _need_key(database: Database, host: str) -> None:
    with database.read() as session:
        if not keys.any_valid(session):
            raise InvalidInput(
                f"whoever asks at {host} needs a key, and there is none yet: make one with "
                "`autointerp keys create NAME --scope admin`, or keep to 127.0.0.1"
            )


def _reach(settings: Settings) -> Reach:
    given = settings.reach
    return Reach(roots=given.roots, hub=given.hub, plugins=given.plugins, urls=given.urls, pickles=given.pickles)


def _reach_of_work(settings: Settings) -> Reach:
    """What workers may read: everything, unless the settings say what; who handed it in is not known to them."""
    given = settings.reach
    return _reach(settings) if given.roots or given.hub else replace(EVERYTHING, pickles=given.pickles)


def endpoints(settings: Settings) -> "tuple[Endpoint, ...]":
    """The language-model servers that are set; InvalidInput names the first wrong option."""
    from autointerp.llm.base import Endpoint

    found: list[Endpoint] = []
    for name, given in settings.endpoints.items():
        try:
            found.append(Endpoint(name=name, **dict(given)))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            told = first["msg"].removeprefix("Value error, ")
            raise InvalidInput(f"the setting endpoints.{name}.{where} is wrong: {told}") from error
    return tuple(found)


def _prompts(settings: Settings) -> PromptLibrary:
    return PromptLibrary.load(settings.prompts or default_folder())


def _equipment(settings: Settings, database: Database) -> "Equipment":
    from autointerp.pipeline.subjects import LoadedSubjects
    from autointerp.worker import Equipment

    worker, reach = settings.worker, _reach_of_work(settings)
    return Equipment(
        database=database,
        endpoints=endpoints(settings),
        prompts=_prompts(settings),
        subjects=LoadedSubjects(
            device=settings.device,
            tokens=settings.data_dir / "tokens",
            baselines=settings.shards + ("" if settings.shards.endswith("/") else "/") + "baselines",
            reach=reach,
        ),
        device=settings.device,
        shards=settings.shards,
        chunks=worker.chunks,
        features=worker.features,
        lease=worker.lease,
        drain=worker.drain,
        polling=worker.polling,
        inquiry_polling=worker.inquiry_polling,
        tending=worker.tending,
        metrics_port=worker.metrics_port,
        metrics_host=worker.metrics_host,
        reach=reach,
        limits=settings.inquiries,
    )
