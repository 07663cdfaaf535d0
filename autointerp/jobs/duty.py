"""A worker on duty: heartbeat, engine and reaper, in the order that loses nothing."""

from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from autointerp.jobs.engine import Engine, QueueOptions, worker_name
from autointerp.jobs.heartbeat import Heartbeat
from autointerp.jobs.place import beside
from autointerp.jobs.reaper import Reaper, give_back
from autointerp.jobs.records import Handler
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.storage.engine import Database


@contextmanager
def on_duty(
    database: Database,
    jobs: DbosSubmitter,
    handlers: Mapping[str, Handler],
    *,
    queues: tuple[QueueOptions, ...],
    lease: timedelta,
    drain: float,
    closing: Callable[[], Coroutine[Any, Any, None]],
) -> Generator[str]:
    """Work until the block is left; then let handlers return for `drain` seconds and give back what is left.

    The heartbeat begins before the engine takes its first job and ends after the last one is given back: in between
    nobody can take a living worker for dead. `closing` is run last on the loop of the handlers, if any ran.
    """
    worker = worker_name()
    engine = Engine(beside(database.url), worker=worker, handlers=handlers, queues=queues, closing=closing)
    reaper = Reaper(database, jobs, worker=worker, lease=lease)
    names = tuple(queue.name for queue in queues)
    heartbeat = Heartbeat(database, reaper, worker=worker, queues=names, lease=lease, on_dead=engine.drop)
    with ExitStack() as stack:
        heartbeat.start()
        stack.callback(heartbeat.stop)
        stack.callback(lambda: give_back(jobs, jobs.held(worker)))
        engine.start()
        stack.callback(lambda: engine.stop(drain=drain))
        yield worker
