"""The three kinds of jobs, and how each is put on its queue: chunks of runs, shards of harvests, and their merging.

The id of a job is `run/<run>/<generation>/<chunk>` or `harvest/<harvest>/<generation>/<part>`; every resume is a new
generation, because a job that was cancelled may still be running for a moment.
"""

from collections.abc import Iterable

from autointerp.jobs.records import HARVEST, LLM, Job, Submitter

CHUNK = "chunk"
SHARD = "shard"
MERGE = "merge"


def run_prefix(run_id: str) -> str:
    """What the ids of a run's jobs begin with."""
    return f"run/{run_id}/"


def harvest_prefix(harvest_id: str) -> str:
    """What the ids of a harvest's jobs begin with."""
    return f"harvest/{harvest_id}/"


def submit_chunks(jobs: Submitter, run_id: str, numbers: Iterable[int], *, generation: int) -> None:
    """Queue chunks of a run."""
    for number in numbers:
        args = {"run": run_id, "chunk": number, "generation": generation}
        jobs.submit(f"{run_prefix(run_id)}{generation}/{number}", queue=LLM, handler=CHUNK, args=args)


def submit_shards(jobs: Submitter, harvest_id: str, shards: int, *, generation: int) -> None:
    """Queue every shard of a harvest; the last one to finish queues the merging."""
    for shard in range(shards):
        args = {"harvest": harvest_id, "shard": shard, "generation": generation}
        jobs.submit(f"{harvest_prefix(harvest_id)}{generation}/{shard}", queue=HARVEST, handler=SHARD, args=args)


def submit_merge(jobs: Submitter, harvest_id: str, *, generation: int) -> None:
    """Queue the merging of a harvest."""
    job = f"{harvest_prefix(harvest_id)}{generation}/merge"
    jobs.submit(job, queue=HARVEST, handler=MERGE, args={"harvest": harvest_id})


def next_generation(found: Iterable[Job]) -> int:
    """Return a generation that none of these jobs of one run or harvest belongs to."""
    return max((int(job.id.split("/")[2]) for job in found), default=-1) + 1


def live_parts(found: Iterable[Job]) -> set[str]:
    """Return the chunks, shards or "merge" that a worker has or will take."""
    return {job.id.split("/")[3] for job in found if job.state.live}


def cancel_all(jobs: Submitter, prefix: str) -> None:
    """Cancel every job whose id begins with `prefix`."""
    jobs.cancel([job.id for job in jobs.status(prefix) if job.state.live])
