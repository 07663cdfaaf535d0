"""A worker that is killed at the worst moment: the batch it made is adopted, and nothing is booked twice."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from autointerp import wiring
from autointerp.domain.ledger import AttemptStatus
from autointerp.domain.specs import RunSpec
from autointerp.runs import create_run
from autointerp.settings import Settings, load
from autointerp.storage import batches, budgets, calls, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState
from autointerp.testing import Batches, TestServer, Wire, behaviours, serve
from tests.pipeline.batches.conftest import each_wire
from tests.pipeline.world import FEATURES, planted_harvest

pytestmark = pytest.mark.e2e

COUNT = len(FEATURES)
LEASE = 2.0


def settings(url: str, path: Path, server: TestServer, wire: Wire) -> Settings:
    """A deployment with one endpoint, whose workers look at batches all the time."""
    return load(
        data_dir=path,
        database_url=url,
        worker={"lease": LEASE, "drain": 1, "polling": 0.05, "tending": 0.05},
        endpoints={
            "server": {
                "provider": wire.value,
                "base_url": server.openai_url if wire is Wire.OPENAI else server.url,
                "api_key": "sk-batch-17",
                "options": {"batches": True},
                "price": {"input": 1, "output": 2},
                "batch": {
                    "poll_first": 0.1,
                    "poll_max": 0.2,
                    "grace": 3600,
                    "lease": 0.5,
                    "timeout": 1.5,
                    "commit": 1,
                },
            }
        },
    )


@contextmanager
def worker(chosen: Settings) -> Generator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, killed at the end if not before."""
    options = chosen.endpoints["server"].model_dump(mode="json", exclude={"api_key"})
    environment = {
        **os.environ,
        "AUTOINTERP_DATA_DIR": str(chosen.data_dir),
        "AUTOINTERP_DATABASE_URL": chosen.database_url,
        "AUTOINTERP_WORKER": chosen.worker.model_dump_json(),
        "AUTOINTERP_ENDPOINTS": json.dumps({"server": {**options, "api_key": "sk-batch-17"}}),
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "autointerp.cli", "worker", "--queues", "llm"]
    with (chosen.data_dir / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def another(chosen: Settings, database: Database) -> AbstractContextManager[str]:
    """A second worker, in this process: nobody kills it."""
    return wiring.embedded_worker(chosen, database, queues=("llm",))


def until(holds: Callable[[], bool], chosen: Settings, *, seconds: float = 60) -> None:
    """Wait, but not for ever."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, (chosen.data_dir / "worker.log").read_text()[-5000:]
        time.sleep(0.02)


@contextmanager
def handed_in(
    url: str, folder: Path, tmp_path: Path, server: TestServer, wire: Wire
) -> Generator[tuple[Settings, Database, str]]:
    """A run that waits for a worker."""
    chosen = settings(url, tmp_path, server, wire)
    database = wiring.open_database(chosen)
    spec = RunSpec.model_validate(
        {
            "harvest": planted_harvest(folder),
            "features": {"indices": FEATURES},
            "explainers": ["default"],
            "llm": "server/some-model",
            "mode": "batch",
        }
    )
    with wiring.open_desk(chosen, database) as desk:
        yield chosen, database, create_run(desk, spec, idempotency_key=None).id
    database.close()


def check(database: Database, run_id: str) -> None:
    """The run is complete, each request was paid for once, and what was spent is what the ledger says."""
    with database.read() as session:
        run, budget = runs.get(session, run_id), budgets.get(session, run_id)
        lines = [line for _, line in calls.list_calls(session, run_id=run_id, after=None, limit=1000)]
        progress = batches.progress(session, run_id)
    assert run.state is RunState.COMPLETE
    assert {AttemptStatus.ANSWERED: COUNT} == Counter(line.status for line in lines)
    assert len({line.request for line in lines}) == COUNT
    assert budget.spent_cost == sum(line.cost or 0 for line in lines) > 0
    assert (budget.reserved_cost, budget.reserved_tokens) == (0, 0)
    assert (progress.open, progress.ended) == ((), 1)


def ended(database: Database, run_id: str) -> bool:
    """Whether the run is over."""
    with database.read() as session:
        return runs.get(session, run_id).state.ended


@each_wire(on_postgresql=Wire.OPENAI)
def test_a_batch_made_by_a_worker_that_was_killed_before_it_knew_is_adopted(
    wire: Wire, harvested_url: str, folder: Path, tmp_path: Path
) -> None:
    batches_made = Batches()
    with serve(behaviours.honest, batches=batches_made) as server:

        async def never() -> None:
            """Make the batch and never say so."""
            killed.kill()
            killed.wait()

        batches_made.create.append(never)
        with handed_in(harvested_url, folder, tmp_path, server, wire) as (chosen, database, run_id):
            with worker(chosen) as killed:
                until(lambda: killed.poll() is not None, chosen)
            with database.read() as session:
                [open_batch] = batches.open_of_run(session, run_id)
            with another(chosen, database):
                until(lambda: ended(database, run_id), chosen)
            check(database, run_id)

    assert open_batch.remote_id is None
    assert [COUNT] == [len(batch.items) for batch in batches_made.made]


@pytest.mark.parametrize("wire", list(Wire))
def test_results_that_a_worker_was_killed_over_are_booked_once(
    wire: Wire, harvested_url: str, folder: Path, tmp_path: Path
) -> None:
    batches_made = Batches(pause=0.4)
    with (
        serve(behaviours.honest, batches=batches_made) as server,
        handed_in(harvested_url, folder, tmp_path, server, wire) as (chosen, database, run_id),
    ):

        def booked() -> int:
            with database.read() as session:
                return len(calls.list_calls(session, run_id=run_id, after=None, limit=1000))

        with worker(chosen):
            until(lambda: booked() >= 2, chosen)
        before = booked()
        batches_made.pause = 0
        with another(chosen, database):
            until(lambda: ended(database, run_id), chosen)
        check(database, run_id)

    assert 2 <= before < COUNT
    assert len(batches_made.made) == 1
