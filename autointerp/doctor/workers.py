"""The workers: each queue on which something waits is served."""

from collections.abc import Iterator
from datetime import timedelta

from autointerp.doctor.findings import Finding, failed, fine, warning
from autointerp.jobs import place
from autointerp.jobs.records import QUEUES
from autointerp.jobs.submitter import open_submitter
from autointerp.settings import Settings
from autointerp.storage import workers
from autointerp.storage.engine import Database


def check_workers(settings: Settings, database: Database) -> Iterator[Finding]:
    """Check who is alive and which queues they serve."""
    lease = timedelta(seconds=settings.worker.lease)
    with database.read() as session:
        dead = {row.id for row in workers.dead(session, lease=lease)}
        alive = [row for row in workers.list_workers(session) if row.id not in dead]
    waiting = _waiting(database)
    for queue in QUEUES:
        serving = [row.id for row in alive if queue in row.queues]
        check, found = f"workers: {queue}", f"{len(serving)} alive, {waiting[queue]:,} jobs wait"
        if serving:
            yield fine(check, f"{found}; {', '.join(serving[:3])}{' …' if len(serving) > 3 else ''}")
        elif waiting[queue]:
            yield failed(check, found, f"start one: autointerp worker --queues {queue}")
        else:
            yield warning(check, found, f"work that is handed in waits: autointerp worker --queues {queue}")
    if dead:
        todo = "nothing, if it was killed: its jobs are taken over as soon as another worker is alive"
        yield warning("workers", f"silent for more than the lease: {', '.join(sorted(dead))}", todo)


def _waiting(database: Database) -> dict[str, int]:
    where = place.beside(database.url)
    if not place.has_tables(where, database):
        return dict.fromkeys(QUEUES, 0)
    with open_submitter(where) as jobs:
        return {queue: jobs.depth(queue) for queue in QUEUES}
