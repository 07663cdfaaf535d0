"""A queue beside the database, and a worker that is quick to look and quick to give up."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from autointerp.jobs.duty import on_duty
from autointerp.jobs.engine import QueueOptions, worker_name
from autointerp.jobs.place import beside
from autointerp.jobs.records import Handler
from autointerp.jobs.submitter import DbosSubmitter, open_submitter
from autointerp.storage.engine import Database

OnDuty = Callable[[Mapping[str, Handler]], AbstractContextManager[str]]


@pytest.fixture
def jobs(database: Database) -> Generator[DbosSubmitter]:
    """The queue beside the database."""
    with open_submitter(beside(database.url)) as submitter:
        yield submitter


@pytest.fixture
def duty(database: Database, jobs: DbosSubmitter) -> OnDuty:
    """Put a worker on duty in this process."""

    async def close() -> None:
        """There is nothing to close."""

    queues = (QueueOptions("llm", concurrency=2, polling=0.02),)
    usual = {"queues": queues, "lease": timedelta(seconds=1), "drain": 2.0, "closing": close}

    def on(handlers: Mapping[str, Handler]) -> AbstractContextManager[str]:
        return on_duty(database, jobs, handlers, worker=worker_name(), **usual)  # pyright: ignore[reportArgumentType]

    return on
