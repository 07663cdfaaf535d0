"""The kinds of jobs, and how each is put on its queue: chunks of runs, shards of harvests, their merging, inquiries.

The id of a job is `run/<run>/<generation>/<chunk>` or `harvest/<harvest>/<generation>/<part>`; every resume is a new
generation, because a job that was cancelled may still be running for a moment. A chunk that waited for a batch goes on
as `run/<run>/<generation>/<chunk>/<turn>`. An inquiry has one job, `inquiry/<inquiry>/`.
"""

from collections.abc import Iterable, Sequence

from autointerp.jobs.records import HARVEST, LLM, MODEL, Job, JobState, Submitter

CHUNK = "chunk"
SHARD = "shard"
MERGE = "merge"
INQUIRY = "inquiry"
RUN = "run/"


def run_prefix(run_id: str) -> str:
    """What the ids of a run's jobs begin with."""
    return f"{RUN}{run_id}/"


def harvest_prefix(harvest_id: str) -> str:
    """What the ids of a harvest's jobs begin with."""
    return f"harvest/{harvest_id}/"


def inquiry_prefix(inquiry_id: str) -> str:
    """What the id of an inquiry's job begins with: it is the whole."""
    return f"inquiry/{inquiry_id}/"


def submit_inquiry(jobs: Submitter, inquiry_id: str) -> None:
    """Queue an inquiry; whoever submits it again gets the same job."""
    jobs.submit(inquiry_prefix(inquiry_id), queue=MODEL, handler=INQUIRY, args={"inquiry": inquiry_id})


def submit_chunks(jobs: Submitter, run_id: str, numbers: Iterable[int], *, generation: int, priority: int) -> None:
    """Queue chunks of a run."""
    for number in numbers:
        args = {"run": run_id, "chunk": number, "generation": generation}
        name = f"{run_prefix(run_id)}{generation}/{number}"
        jobs.submit(name, queue=LLM, handler=CHUNK, args=args, priority=priority)


def submit_again(jobs: Submitter, run_id: str, found: Sequence[Job], numbers: Iterable[int], *, priority: int) -> None:
    """Queue the next turn of chunks, `found` being all jobs of the run; whoever asks for the same turn gets one job."""
    for number in numbers:
        own = [job for job in found if _part(job) == str(number)]
        generation = max(map(generation_of, own), default=0)
        turn = sum(generation_of(job) == generation for job in own)
        args = {"run": run_id, "chunk": number, "generation": generation}
        name = f"{run_prefix(run_id)}{generation}/{number}/{turn}"
        jobs.submit(name, queue=LLM, handler=CHUNK, args=args, priority=priority)


def submit_shards(jobs: Submitter, harvest_id: str, shards: Iterable[int], *, generation: int) -> None:
    """Queue shards of a harvest; the last one to finish queues the merging."""
    for shard in shards:
        args = {"harvest": harvest_id, "shard": shard, "generation": generation}
        jobs.submit(f"{harvest_prefix(harvest_id)}{generation}/{shard}", queue=HARVEST, handler=SHARD, args=args)


def submit_merge(jobs: Submitter, harvest_id: str, *, generation: int) -> None:
    """Queue the merging of a harvest, once a generation whoever asks for it."""
    job = f"{harvest_prefix(harvest_id)}{generation}/{MERGE}"
    jobs.submit(job, queue=HARVEST, handler=MERGE, args={"harvest": harvest_id, "generation": generation})


def owner(job: Job) -> str:
    """Return the run, harvest or inquiry that a job belongs to."""
    return job.id.split("/")[1]


def generation_of(job: Job) -> int:
    """Return the generation of a job."""
    return int(job.id.split("/")[2])


def next_generation(found: Iterable[Job]) -> int:
    """Return a generation that none of these jobs of one run or harvest belongs to."""
    return max(map(generation_of, found), default=-1) + 1


def shards_done(found: Iterable[Job]) -> int:
    """Return of how many shards the newest job of all these of one harvest is done."""
    return sum(job.state is JobState.DONE for part, job in newest(found).items() if part != MERGE)


def newest(found: Iterable[Job]) -> dict[str, Job]:
    """Return the newest job of each chunk, shard or "merge", by its part of the id."""
    return {_part(job): job for job in sorted(found, key=_age)}


def shard_jobs(found: Iterable[Job]) -> tuple[Job, ...]:
    """Return the jobs that read the corpus: all but those that merge."""
    return tuple(job for job in found if _part(job) != MERGE)


def live_parts(found: Iterable[Job]) -> set[str]:
    """Return the chunks, shards or "merge" that a worker has or will take."""
    return {_part(job) for job in found if job.state.live}


def cancel_all(jobs: Submitter, prefix: str) -> None:
    """Cancel every job whose id begins with `prefix`."""
    jobs.cancel([job.id for job in jobs.status(prefix) if job.state.live])


def _age(job: Job) -> tuple[int, int]:
    return generation_of(job), int([*job.id.split("/"), "0"][4])


def chunk_of(job: Job) -> int:
    """Return the number of the chunk of a run that a job does."""
    return int(_part(job))


def _part(job: Job) -> str:
    return job.id.split("/")[3]
