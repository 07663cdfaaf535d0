"""A worker on duty: heartbeat, engine and reaper, in the order that loses nothing."""

from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

from autointerp.jobs.clearing import clear_inquiries
from autointerp.jobs.engine import Engine, QueueOptions
from autointerp.jobs.heartbeat import Heartbeat
from autointerp.jobs.place import beside
from autointerp.jobs.reaper import Reaper, give_back
from autointerp.jobs.records import Handler
from autointerp.jobs.strays import Strays
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.jobs.tending import Tending
from autointerp.storage.engine import Database

# Of the lease: after this much silence a worker is suspected at the next beat of any other, and taken for dead a beat
# later, or two where several look at once. So its jobs are back on the queue when the lease is over.
SILENT_SHARE = 0.6
BEATS_PER_TENDING = 5  # harvests stand still far more rarely than workers die


@contextmanager
def on_duty(
    database: Database,
    jobs: DbosSubmitter,
    handlers: Mapping[str, Handler],
    *,
    worker: str,
    queues: tuple[QueueOptions, ...],
    lease: timedelta,
    drain: float,
    closing: Callable[[], Coroutine[Any, Any, None]],
) -> Generator[str]:
    """Work until the block is left; then let handlers return for `drain` seconds and give back what is left.

    The heartbeat begins before the engine takes its first job and ends after the last one is given back: in between
    nobody can take a living worker for dead. `closing` is run last on the loop of the handlers, if any ran.
    """
    engine = Engine(beside(database.url), worker=worker, handlers=handlers, queues=queues, closing=closing)
    reaper = Reaper(database, jobs, worker=worker, silence=lease * SILENT_SHARE)
    tending = Tending(database, jobs)
    strays = Strays(jobs, engine.doing, worker=worker)
    beats = count(1)

    def look() -> None:
        reaper.look()
        if next(beats) % BEATS_PER_TENDING == 0:
            strays.look()
            tending.look()
            clear_inquiries(database, jobs)

    names = tuple(queue.name for queue in queues)
    heartbeat = Heartbeat(database, look, worker=worker, queues=names, lease=lease, on_dead=engine.drop)
    with ExitStack() as stack:
        heartbeat.start()
        stack.callback(heartbeat.stop)
        stack.callback(lambda: give_back(jobs, jobs.held(worker)))
        engine.start()
        stack.callback(lambda: engine.stop(drain=drain))
        yield worker
