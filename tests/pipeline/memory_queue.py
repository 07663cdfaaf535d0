"""A queue in memory: what was handed in, and in which order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autointerp.jobs.records import Job, JobState


@dataclass(frozen=True)
class Order:
    """One job as it was handed in."""

    job: str
    queue: str
    handler: str
    args: Mapping[str, Any]


@dataclass
class MemoryQueue:
    """Implements Submitter; `take` hands out what is queued."""

    orders: dict[str, Order] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)

    def submit(self, job: str, *, queue: str, handler: str, args: Mapping[str, Any], priority: int = 0) -> None:
        if job not in self.jobs:
            self.orders[job] = Order(job, queue, handler, args)
            self.jobs[job] = Job(job, queue, JobState.QUEUED, None, priority=priority)

    def cancel(self, jobs: Sequence[str]) -> None:
        for job in jobs:
            if self.jobs[job].state.live:
                self.jobs[job] = replace(self.jobs[job], state=JobState.CANCELLED, queue=None)

    def resume(self, jobs: Sequence[str], *, queue: str) -> None:
        for job in jobs:
            self.jobs[job] = replace(self.jobs[job], state=JobState.QUEUED, queue=queue)

    def status(self, prefix: str) -> tuple[Job, ...]:
        return tuple(job for name, job in self.jobs.items() if name.startswith(prefix))

    def purge(self, prefix: str) -> None:
        self.jobs = {name: job for name, job in self.jobs.items() if not name.startswith(prefix)}

    def take(self) -> Iterator[Order]:
        """Hand out one queued job after the other; each is done when the next one is asked for."""
        while queued := [job for job in self.jobs.values() if job.state is JobState.QUEUED]:
            name = queued[0].id
            self.jobs[name] = replace(self.jobs[name], state=JobState.RUNNING, worker="me")
            yield self.orders[name]
            if self.jobs[name].state is JobState.RUNNING:
                self.jobs[name] = replace(self.jobs[name], state=JobState.DONE)

    @property
    def queued(self) -> list[str]:
        """The ids of what waits."""
        return [job.id for job in self.jobs.values() if job.state is JobState.QUEUED]
