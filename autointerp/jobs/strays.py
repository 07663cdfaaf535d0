"""Jobs that stand as taken by a worker which knows nothing of them: the answer to its taking got lost on the way."""

import logging
from collections.abc import Callable, Collection

from autointerp.jobs.reaper import give_back
from autointerp.jobs.submitter import DbosSubmitter

_log = logging.getLogger(__name__)


class Strays:
    """Gives back the jobs of this worker that it was not doing at two looks in a row.

    Nobody else would: the worker lives. Two looks, because a job is taken a moment before it is begun, and done a
    moment before that is written down.
    """

    def __init__(self, jobs: DbosSubmitter, doing: Callable[[], Collection[str]], *, worker: str) -> None:
        self._jobs = jobs
        self._doing = doing
        self._worker = worker
        self._suspects: frozenset[str] = frozenset()

    def look(self) -> None:
        """Look once."""
        held = self._jobs.held(self._worker)
        doing = self._doing()
        strays = [job for job in held if job.id not in doing]
        if lost := [job for job in strays if job.id in self._suspects]:
            give_back(self._jobs, lost)
            _log.warning("%d jobs that this worker had taken and not begun are back on the queue", len(lost))
        self._suspects = frozenset(job.id for job in strays)
