"""The words of the queue: jobs, the handlers that do them, and the Submitter that every process may hold."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

LLM = "llm"
HARVEST = "harvest"
MODEL = "model"
QUEUES = (LLM, HARVEST, MODEL)


class JobState(StrEnum):
    """Where a job stands; `failed` is a handler that raised."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def live(self) -> bool:
        """Whether a worker has it or will take it."""
        return self in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of work. `queue` is None once it was cancelled, `worker` None while no worker has ever taken it.

    `began` is when a worker last took it and `ended` when it was done, failed or cancelled; None: not yet.
    """

    id: str
    queue: str | None
    state: JobState
    worker: str | None
    began: datetime | None = None
    ended: datetime | None = None
    priority: int = 0


class Stop(Protocol):
    """Tells a handler that its worker is leaving: begin nothing new, and return."""

    def __call__(self) -> bool: ...


class Leaving(Exception):
    """A handler returned early because its worker is leaving; the job goes back on its queue."""


Handler = Callable[[Mapping[str, Any], Stop], Coroutine[Any, Any, None]]


class Submitter(Protocol):
    """The verbs of the queue. Jobs run at least once, so a handler must be safe to repeat."""

    def submit(self, job: str, *, queue: str, handler: str, args: Mapping[str, Any], priority: int = 0) -> None:
        """Queue a job, before those of a lower priority; a second submission of the same id is the same job."""
        ...

    def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel jobs that are not done; a running one stops within about a second."""
        ...

    def resume(self, jobs: Sequence[str], *, queue: str) -> None:
        """Put cancelled jobs, or running ones whose worker is gone, back in their old place on the queue."""
        ...

    def status(self, prefix: str) -> tuple[Job, ...]:
        """List the jobs whose id begins with `prefix`, oldest first."""
        ...

    def depth(self, queue: str) -> int:
        """Count the jobs that wait on a queue."""
        ...

    def purge(self, prefix: str) -> None:
        """Forget the jobs whose id begins with `prefix`; cancel them first."""
        ...
