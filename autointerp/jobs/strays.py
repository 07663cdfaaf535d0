"""Jobs that stand as taken by a worker which knows nothing of them: the answer to its taking got lost on the way."""

import logging
from collections.abc import Callable, Collection, Mapping

from autointerp.jobs.reaper import give_back
from autointerp.jobs.submitter import DbosSubmitter

_log = logging.getLogger(__name__)

# On a busy machine some time passes between taking a job and beginning it, and from its end to its being done.
LOOKS = 3


class Strays:
    """Gives back the jobs of this worker that it was not doing at so many looks in a row; nobody else would, because
    the worker lives."""

    def __init__(self, jobs: DbosSubmitter, doing: Callable[[], Collection[str]], *, worker: str) -> None:
        self._jobs = jobs
        self._doing = doing
        self._worker = worker
        self._missed: Mapping[str, int] = {}

    def look(self) -> None:
        """Look once."""
        held = self._jobs.held(self._worker)
        doing = self._doing()
        strays = [job for job in held if job.id not in doing]
        self._missed = {job.id: self._missed.get(job.id, 0) + 1 for job in strays}
        if lost := [job for job in strays if self._missed[job.id] >= LOOKS]:
            give_back(self._jobs, lost)
            _log.warning("%d jobs that this worker had taken and not begun are back on the queue", len(lost))
