"""Forgets inquiries whose time is over, with their jobs."""

from autointerp.jobs import tasks
from autointerp.jobs.records import Submitter
from autointerp.storage import inquiries
from autointerp.storage.engine import Database

AT_ONCE = 200


def clear_inquiries(database: Database, jobs: Submitter) -> None:
    """Forget some of the inquiries that need not be kept any longer; safe in several processes at once."""
    with database.read() as session:
        over = inquiries.expired(session, limit=AT_ONCE)
    for inquiry_id in over:
        prefix = tasks.inquiry_prefix(inquiry_id)
        tasks.cancel_all(jobs, prefix)
        jobs.purge(prefix)
        with database.write() as session:
            inquiries.forget(session, inquiry_id)
