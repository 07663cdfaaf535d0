"""The verbs of the queue, for any process: no handler is needed here, and no torch."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

from autointerp.jobs.origin import signed
from autointerp.jobs.place import APPLICATION, SCHEMA, Place, prepare
from autointerp.jobs.records import Job, JobState
from autointerp.storage.failures import translate

WORKFLOW = "autointerp.job"
MOST_COUNTED = 10_000  # the engine counts by listing
# The engine counts the other way, from 1; 0, which is before all, are jobs from before there were priorities.
USUAL = 100

_STATES = {
    "ENQUEUED": JobState.QUEUED,
    "DELAYED": JobState.QUEUED,
    "PENDING": JobState.RUNNING,
    "SUCCESS": JobState.DONE,
    "ERROR": JobState.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
}

_LIVE = tuple(status for status, state in _STATES.items() if state.live)


class DbosSubmitter:
    """The Submitter over the engine's database."""

    def __init__(self, client: DBOSClient, place: Place) -> None:
        self._client = client
        self._url = place.url

    def submit(self, job: str, *, queue: str, handler: str, args: Mapping[str, Any], priority: int = 0) -> None:
        """Queue a job, before those of a lower priority; a second submission of the same id is the same job."""
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": queue,
            "workflow_id": job,
            "priority": USUAL - priority,
        }
        with translate(self._url):
            self._client.enqueue(options, handler, signed(args))

    def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel jobs that are not done; a running one stops within about a second."""
        if jobs:
            with translate(self._url):
                self._client.cancel_workflows(list(jobs))

    def resume(self, jobs: Sequence[str], *, queue: str) -> None:
        """Put cancelled jobs, or running ones whose worker is gone, back in their old place on the queue."""
        if jobs:
            with translate(self._url):
                self._client.resume_workflows(list(jobs), queue_name=queue)

    def status(self, prefix: str) -> tuple[Job, ...]:
        """List the jobs whose id begins with `prefix`, oldest first."""
        return self._list(workflow_id_prefix=prefix)

    def depth(self, queue: str) -> int:
        """Count the jobs that wait on a queue; of more than MOST_COUNTED, say MOST_COUNTED."""
        return len(self._list(queue_name=queue, status=["ENQUEUED", "DELAYED"], limit=MOST_COUNTED))

    def has_live(self, prefix: str) -> bool:
        """Whether a worker has or will take a job whose id begins with `prefix`, without listing them all."""
        return bool(self._list(workflow_id_prefix=prefix, status=list(_LIVE), limit=1))

    def running(self) -> tuple[Job, ...]:
        """List the jobs that some worker has taken and not ended."""
        return self._list(status="PENDING")

    def held(self, worker: str) -> tuple[Job, ...]:
        """List the jobs that `worker` has taken and not ended."""
        return self._list(executor_id=worker, status="PENDING")

    def purge(self, prefix: str) -> None:
        """Forget the jobs whose id begins with `prefix`; cancel them first."""
        if jobs := [job.id for job in self.status(prefix)]:
            with translate(self._url):
                self._client.delete_workflows(jobs)

    def close(self) -> None:
        """Close the connections."""
        self._client.destroy()

    def _list(self, **which: Any) -> tuple[Job, ...]:
        with translate(self._url):
            found = self._client.list_workflows(load_input=False, load_output=False, **which)
        return tuple(
            Job(
                id=one.workflow_id,
                queue=one.queue_name,
                state=_STATES[one.status],
                worker=one.executor_id,
                priority=USUAL - one.priority if one.priority else 0,
                began=_moment(one.dequeued_at),
                ended=_moment(one.completed_at),
            )
            for one in found
        )


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


@contextmanager
def open_submitter(place: Place) -> Generator[DbosSubmitter]:
    """Open the queue, making its tables where they are missing."""
    prepare(place)
    client = DBOSClient(
        system_database_url=place.url,
        dbos_system_schema=SCHEMA,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
        retry_connection_errors=False,
    )
    submitter = DbosSubmitter(client, place)
    try:
        yield submitter
    finally:
        submitter.close()
