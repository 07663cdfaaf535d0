"""The tender's own thread and event loop, so that batches need no job and no place on a queue."""

import asyncio
import logging
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress

from autointerp.errors import Unavailable
from autointerp.jobs.records import Submitter
from autointerp.llm.base import Endpoint
from autointerp.pipeline.batches.tender import make_tender
from autointerp.storage.engine import Database

_log = logging.getLogger(__name__)


@contextmanager
def tending(database: Database, jobs: Submitter, endpoints: Mapping[str, Endpoint], *, pause: float) -> Generator[None]:
    """Look after batches every `pause` seconds until the block is left; what is being read then is left to others."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_tend(database, jobs, endpoints, pause))
    thread = threading.Thread(target=_run, args=(loop, task), name="batches", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    asyncio.set_event_loop(loop)
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _tend(database: Database, jobs: Submitter, endpoints: Mapping[str, Endpoint], pause: float) -> None:
    tender = make_tender(database, jobs, endpoints)
    try:
        while True:
            try:
                await tender.look()
            except Unavailable as error:
                _log.warning("batches are looked after later: %s", error)
            except Exception:  # noqa: BLE001 - the loop must outlive anything
                _log.exception("batches are looked after later")
            await asyncio.sleep(pause)
    finally:
        await tender.drivers.close()
