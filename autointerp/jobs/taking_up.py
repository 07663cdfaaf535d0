"""What has no jobs gets them: at first, when it is resumed, or after a crash of whoever handed it in."""

from autointerp.jobs import tasks
from autointerp.jobs.records import Submitter
from autointerp.storage import batch_items, harvests, run_features, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestRecord, RunState


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


def take_up_run(database: Database, jobs: Submitter, run_id: str, *, anew: bool) -> int:
    """Queue the chunks of a running run in which a feature waits and that no worker has or will take; return how many.

    `anew`: the run had ended. Otherwise chunks that wait for a batch are left to whoever looks after that. A run in
    which nothing waits is ended.
    """
    with database.read() as session:
        run = runs.get(session, run_id)
        waiting = run_features.chunks(session, run_id)
        deferred = frozenset[int]() if anew else batch_items.open_chunks(session, run_id)
    if run.state is not RunState.RUNNING:
        return 0
    found = jobs.status(tasks.run_prefix(run_id))
    live = tasks.live_parts(found)
    if not live and not waiting:
        with database.write() as session:
            runs.settle(session, run_id)
    missing = [number for number in waiting if str(number) not in live and number not in deferred]
    if anew or run.spec.mode == "online" or not found:
        generation = tasks.next_generation(found)
        tasks.submit_chunks(jobs, run_id, missing, generation=generation, priority=run.priority)
    else:
        tasks.submit_again(jobs, run_id, found, missing, priority=run.priority)
    return len(missing)
