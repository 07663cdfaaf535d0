"""What is handed in with a higher priority is worked on first, and what was cancelled goes back to its old place."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from autointerp.jobs.records import Handler, JobState, Stop
from autointerp.jobs.submitter import DbosSubmitter
from tests.jobs.test_duty import until

OnDuty = Callable[[Mapping[str, Handler]], AbstractContextManager[str]]


class Line:
    """Notes the order in which jobs are begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def note(self, args: Mapping[str, Any], stop: Stop) -> None:
        self.begun.append(args["name"])
        await asyncio.sleep(0.3)  # so that the other one of two is begun before the next are fetched


def hand_in(jobs: DbosSubmitter, names: str, priority: int = 0) -> None:
    for name in names:
        jobs.submit(f"run/{name}", queue="llm", handler="note", args={"name": name}, priority=priority)


def work(jobs: DbosSubmitter, duty: OnDuty, count: int) -> list[str]:
    """Let a worker do all jobs, and return in which order it began them."""
    line = Line()
    with duty({"note": line.note}):
        until(lambda: sum(job.state is JobState.DONE for job in jobs.status("run/")) == count)
    return line.begun


def test_a_later_job_of_a_higher_priority_is_worked_on_first(jobs: DbosSubmitter, duty: OnDuty) -> None:
    hand_in(jobs, "ab", priority=-10)
    hand_in(jobs, "cd")
    hand_in(jobs, "ef", priority=10)

    begun = work(jobs, duty, 6)

    assert [set(begun[i : i + 2]) for i in (0, 2, 4)] == [{"e", "f"}, {"c", "d"}, {"a", "b"}]
    assert {job.priority for job in jobs.status("run/a")} == {-10}


def test_a_cancelled_job_that_was_never_begun_goes_back_where_it_was_in_the_line(
    jobs: DbosSubmitter, duty: OnDuty
) -> None:
    hand_in(jobs, "abcd")
    jobs.cancel(["run/a", "run/b"])
    cancelled = jobs.status("run/a")[0]

    jobs.resume(["run/a", "run/b"], queue="llm")

    assert (cancelled.state, cancelled.worker) == (JobState.CANCELLED, None)
    assert set(work(jobs, duty, 4)[:2]) == {"a", "b"}
