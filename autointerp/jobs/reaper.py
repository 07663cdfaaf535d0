"""Puts the jobs of dead workers back on their queues, and frees what they had set aside; one reaper looks at a time."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from autointerp.jobs.records import Job
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.storage import holds, workers
from autointerp.storage.engine import Database

_log = logging.getLogger(__name__)


class Reaper:
    """Takes a worker for dead when its row is missing or older than `silence` at two looks in a row.

    Two looks, because a long write transaction holds back every heartbeat of a SQLite database at once.
    """

    def __init__(self, database: Database, jobs: DbosSubmitter, *, worker: str, silence: timedelta) -> None:
        self._database = database
        self._jobs = jobs
        self._worker = worker
        self._silence = silence
        self._suspects: frozenset[str] = frozenset()

    def look(self) -> None:
        """Give back the jobs of the workers that were silent at the last look and still are, and what they hold.

        The jobs are listed and given back under one lock: a second reaper would put back what a third worker has
        already begun.
        """
        with self._database.write() as session:
            if not workers.try_lock(session, "reaper"):
                return
            known = {row.id for row in workers.list_workers(session)}
            silent = {row.id for row in workers.dead(session, lease=self._silence)}
            running = self._jobs.running()
            named = {job.worker for job in running if job.worker} | holds.holders(session)
            gone = (silent | named - known) - {self._worker}
            for worker in sorted(gone & self._suspects):
                count = give_back(self._jobs, (job for job in running if job.worker == worker))
                workers.remove(session, worker)
                freed = holds.give_back_all(session, worker)
                told = "worker %s is gone; %d of its jobs are back on the queue, and %d of its requests are given up"
                _log.warning(told, worker, count, freed)
            self._suspects = frozenset(gone)


def give_back(jobs: DbosSubmitter, taken: Iterable[Job]) -> int:
    """Put taken jobs back on their queues and return how many."""
    by_queue: dict[str, list[str]] = defaultdict(list)
    for job in taken:
        if job.queue is not None:
            by_queue[job.queue].append(job.id)
    for queue, ids in by_queue.items():
        jobs.resume(ids, queue=queue)
    return sum(len(ids) for ids in by_queue.values())
