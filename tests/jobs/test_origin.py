"""A job is done in the name of the request that handed it in."""

import json
from collections.abc import Mapping
from typing import Any

from autointerp.jobs.origin import KEY, doing, signed
from autointerp.jobs.records import Stop
from autointerp.jobs.submitter import DbosSubmitter
from autointerp.observing.context import about, subject
from tests.jobs.conftest import OnDuty
from tests.jobs.test_duty import until


def test_what_a_job_is_about_stands_in_its_arguments() -> None:
    with about(request_id="r-1"):
        args = signed({"run": "0192", "chunk": 0})
    with doing("chunk", args):
        within = dict(subject())

    assert args == {"run": "0192", "chunk": 0, KEY: {"request_id": "r-1"}}
    assert within == {"request_id": "r-1", "run_id": "0192"}


def test_a_job_of_nobody_says_nothing() -> None:
    assert signed({"run": "0192"}) == {"run": "0192"}


def test_it_crosses_the_queue(duty: OnDuty, jobs: DbosSubmitter) -> None:
    seen: list[str] = []

    async def note(args: Mapping[str, Any], stop: Stop) -> None:
        seen.append(json.dumps(dict(subject())))

    with about(request_id="r-1"):
        jobs.submit("a", queue="llm", handler="note", args={"harvest": "0193"})
    with duty({"note": note}):
        until(lambda: bool(seen))

    assert [json.loads(one) for one in seen] == [{"request_id": "r-1", "harvest_id": "0193"}]
