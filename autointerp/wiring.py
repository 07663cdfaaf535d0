"""Builds the parts from the settings: the only place where they meet. What is heavy is imported when it is built."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from autointerp.errors import InvalidInput, Unavailable
from autointerp.jobs.records import QUEUES
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import Desk
from autointerp.settings import Settings
from autointerp.storage import migrate
from autointerp.storage.engine import Database

if TYPE_CHECKING:
    from fastapi import FastAPI

    from autointerp.llm.base import Endpoint
    from autointerp.worker import Equipment


def open_database(settings: Settings) -> Database:
    """Open the database. A SQLite file is made and upgraded; a PostgreSQL database must be at this code's version."""
    database = Database(settings.database_url)
    if database.dialect == "sqlite":
        migrate.upgrade(database)
    elif not migrate.is_current(database):
        raise Unavailable("the database is not at the version of this code; run `autointerp db upgrade`")
    return database


@contextmanager
def open_desk(settings: Settings, database: Database) -> Generator[Desk]:
    """Open the desk where work is handed in, without a worker."""
    from autointerp.jobs.place import beside
    from autointerp.jobs.submitter import open_submitter

    with open_submitter(beside(database.url)) as jobs:
        yield Desk(
            database=database,
            jobs=jobs,
            prompts=_prompts(settings),
            endpoints={endpoint.name: endpoint for endpoint in endpoints(settings)},
            lease=timedelta(seconds=settings.worker.lease),
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


def create_api(settings: Settings) -> "FastAPI":
    """Make the API over its own database connection and desk, which are closed when it shuts down."""
    from autointerp.api.app import create_app

    stack = ExitStack()
    database = open_database(settings)
    stack.callback(database.close)
    app = create_app(database, stack.enter_context(open_desk(settings, database)))

    @asynccontextmanager
    async def until_shutdown(_: "FastAPI") -> AsyncGenerator[None]:
        with stack:
            yield

    app.router.lifespan_context = until_shutdown
    return app


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

    worker = settings.worker
    return Equipment(
        database=database,
        endpoints=endpoints(settings),
        prompts=_prompts(settings),
        subjects=LoadedSubjects(
            device=settings.device,
            tokens=settings.data_dir / "tokens",
            baselines=settings.shards + ("" if settings.shards.endswith("/") else "/") + "baselines",
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
        limits=settings.inquiries,
    )
