"""A harvest that has no jobs gets them: at first, when it is resumed, or after a crash of whoever handed it in."""

from autointerp.jobs import tasks
from autointerp.jobs.records import Submitter
from autointerp.storage import harvests
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord


def take_up(database: Database, jobs: Submitter, record: HarvestRecord) -> None:
    """Queue the shards of a harvest under way for which no worker has or will take a job.

    Those that are finished are found so by their digest, and whoever looks at the last one queues the merging.
    """
    found = jobs.status(tasks.harvest_prefix(record.id))
    if record.state.ended or tasks.live_parts(found):
        return
    generation = tasks.next_generation(found)
    if generation > 0:
        with database.write() as session:
            harvests.forget_corpus(session, record.id)
    tasks.submit_shards(jobs, record.id, range(record.spec.shards), generation=generation)
