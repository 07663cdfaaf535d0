"""The worker's half of the queue: takes jobs, runs their handlers, and gives back what it cannot finish.

The engine underneath is one a process, so there is one Engine a process. Handlers run on its own event loop in its
own thread; the caller's loop stays free.
"""

import asyncio
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from dbos import DBOS, DBOSPortableJSONSerializer

from autointerp.errors import Conflict, Unavailable
from autointerp.jobs.origin import doing
from autointerp.jobs.place import APPLICATION, SCHEMA, VERSION, Place, prepare
from autointerp.jobs.records import Handler, Leaving
from autointerp.jobs.submitter import WORKFLOW

_log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds until a handler that lacked something is run again; also until a cancelled one has ended


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """How this worker takes from one queue: jobs at once, and seconds between looks."""

    name: str
    concurrency: int
    polling: float


def worker_name() -> str:
    """Make a name that no other process ever has: the host and process tell a person which one it is."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class Engine:
    """Takes jobs from `queues` and runs the handler that each names, until it is stopped."""

    current: ClassVar["Engine | None"] = None

    def __init__(
        self,
        place: Place,
        *,
        worker: str,
        handlers: Mapping[str, Handler],
        queues: tuple[QueueOptions, ...],
        closing: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self.worker = worker
        self._place = place
        self._handlers = handlers
        self._queues = queues
        self._leaving = threading.Event()
        self._closing = closing
        self._running: dict[asyncio.Task[None], str] = {}
        self._held: dict[asyncio.Task[None], str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to take jobs; Conflict when this process has an engine already."""
        if Engine.current is not None:
            raise Conflict("this process runs a worker already; start another process for another worker")
        prepare(self._place)
        Engine.current = self
        try:
            # In a thread without an event loop, so that the engine makes a loop of its own for the handlers.
            with ThreadPoolExecutor(1, thread_name_prefix="jobs-launch") as launcher:
                launcher.submit(self._launch).result()
        except BaseException:
            self.stop(drain=0)
            raise

    def stop(self, *, drain: float) -> None:
        """Begin no more jobs, let running handlers return for at most `drain` seconds, then cancel them.

        What they left stands as taken by this worker until it is given back (`reaper.give_back`).
        """
        self._leaving.set()
        try:
            _wait(lambda: not self._running, seconds=drain)
            self.drop()
            _wait(lambda: not self._running, seconds=PATIENCE)
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._closing(), self._loop).result(PATIENCE)
        finally:
            DBOS.destroy(workflow_completion_timeout_sec=0)
            Engine.current = None

    def drop(self) -> None:
        """Cancel every running handler, as when this worker was declared dead and its jobs are given to others."""
        if self._loop is not None:
            for task in (*self._running, *self._held):
                self._loop.call_soon_threadsafe(task.cancel)

    def doing(self) -> frozenset[str]:
        """The ids of the jobs that this worker has in hand."""
        return frozenset((*list(self._running.values()), *list(self._held.values())))

    async def work(self, job: str, handler: str, args: Mapping[str, Any]) -> None:
        """Run one job's handler; CancelledError, which leaves the job unfinished, when the worker is leaving."""
        self._loop = asyncio.get_running_loop()
        with doing(handler, args), _entered(self._held if self._leaving.is_set() else self._running, job):
            if self._leaving.is_set():
                await asyncio.Event().wait()  # hold the place: with a free one the engine would take one job more
            try:
                await self._patiently(handler, args)
            except Leaving as left:
                raise asyncio.CancelledError from left
            except Exception:
                _log.exception("a job of %s failed", handler)
                raise

    async def _patiently(self, handler: str, args: Mapping[str, Any]) -> None:
        """Run the handler, again and again while what it needs is not there: no other worker could do more."""
        while True:
            try:
                return await self._handlers[handler](args, self._leaving.is_set)
            except Unavailable as error:
                _log.warning("a job waits (%s): %s", handler, error)
                await asyncio.sleep(PATIENCE)
                if self._leaving.is_set():
                    raise Leaving from error

    def _launch(self) -> None:
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._place.url,
                "dbos_system_schema": SCHEMA,
                "application_version": VERSION,
                "executor_id": self.worker,
                "serializer": DBOSPortableJSONSerializer(),
                "log_level": "WARNING",
                "enable_otlp": False,
                "notification_listener_polling_interval_sec": 0.1,  # it looks at nothing, but stopping waits for it
            }
        )
        DBOS.listen_queues([queue.name for queue in self._queues])
        DBOS.launch()
        for queue in self._queues:
            DBOS.register_queue(
                queue.name,
                worker_concurrency=queue.concurrency,
                polling_interval_sec=queue.polling,
                on_conflict="always_update",
            )


def is_busy() -> bool:
    """Whether this process has a job in hand."""
    engine = Engine.current
    return engine is not None and bool(engine.doing())


@contextmanager
def _entered(tasks: dict[asyncio.Task[None], str], job: str) -> Generator[None]:
    """Keep the current task with its job for as long as the block runs."""
    task = asyncio.current_task()
    assert task is not None  # a coroutine that runs has a task
    tasks[task] = job
    try:
        yield
    finally:
        tasks.pop(task, None)


def _wait(holds: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)


@DBOS.step(name="autointerp.work", preemptible=True)
async def _work(handler: str, args: dict[str, Any]) -> None:
    engine, job = Engine.current, DBOS.workflow_id
    if engine is None:
        raise asyncio.CancelledError
    assert job is not None  # every step is part of a job
    await engine.work(job, handler, args)


@DBOS.workflow(name=WORKFLOW)
async def run_job(handler: str, args: dict[str, Any]) -> None:
    """Run one job as one preemptible step, so that a cancel reaches it while it runs."""
    await _work(handler, args)
