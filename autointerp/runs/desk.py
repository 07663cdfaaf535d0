"""The desk where work is handed in: what its verbs need, in any process, without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from autointerp.domain.inquiries import InquiryLimits
from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.domain.tools import Prompts
from autointerp.jobs.records import Submitter
from autointerp.llm.base import Endpoint
from autointerp.storage import workers
from autointerp.storage.engine import Database
from autointerp.storage.records import WorkerRecord


@dataclass(frozen=True, slots=True)
class Desk:
    """`endpoints` are the language-model servers by name; a worker silent for `lease` is taken for dead.

    `limits` are those of what may be asked of subject models while somebody waits, and `reach` is what the specs that
    are handed in may name.
    """

    database: Database
    jobs: Submitter
    prompts: Prompts
    endpoints: Mapping[str, Endpoint]
    lease: timedelta
    limits: InquiryLimits
    reach: Reach = EVERYTHING


def workers_alive(desk: Desk) -> tuple[WorkerRecord, ...]:
    """Return the workers whose last heartbeat is within the lease."""
    with desk.database.read() as session:
        dead = {row.id for row in workers.dead(session, lease=desk.lease)}
        return tuple(row for row in workers.list_workers(session) if row.id not in dead)
