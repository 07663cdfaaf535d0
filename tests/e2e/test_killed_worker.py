"""A worker that is killed while it spends: what it had set aside does not keep its run from going on."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import Response

from autointerp import wiring
from autointerp.domain.specs import RunSpec
from autointerp.runs import Desk, create_run, resume_run
from autointerp.settings import Settings, load
from autointerp.storage import budgets, calls, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import BudgetRecord, RunRecord, RunState
from autointerp.testing import Seen, TestServer, behaviours, serve
from tests.pipeline.batches.conftest import harvested_postgres, harvested_url
from tests.pipeline.world import FEATURES, planted_harvest

__all__ = ["harvested_postgres", "harvested_url"]
pytestmark = pytest.mark.e2e

LEASE = 1.0
AMPLE = 0.028  # dollars: for all six calls, which cost 0.003 each, but for three at a time: 0.008 to 0.010 is set aside
SCANT = 0.0115  # for one call at a time, and not for all six


def settings(url: str, path: Path, server: TestServer) -> Settings:
    """A deployment with one endpoint and an impatient lease."""
    price = {"input": 1, "output": 2}
    endpoint = {"provider": "openai", "base_url": server.openai_url, "api_key": "sk", "price": price}
    worker = {"lease": LEASE, "drain": 1, "polling": 0.05}
    return load(data_dir=path, database_url=url, worker=worker, endpoints={"server": endpoint})


def start(chosen: Settings) -> subprocess.Popen[bytes]:
    """A worker in a process of its own."""
    endpoint = chosen.endpoints["server"].model_dump(mode="json", exclude={"api_key"})
    environment = {
        **os.environ,
        "AUTOINTERP_DATA_DIR": str(chosen.data_dir),
        "AUTOINTERP_DATABASE_URL": chosen.database_url,
        "AUTOINTERP_WORKER": chosen.worker.model_dump_json(),
        "AUTOINTERP_ENDPOINTS": json.dumps({"server": {**endpoint, "api_key": "sk"}}),
        "HF_HUB_OFFLINE": "1",
    }
    with (chosen.data_dir / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "autointerp.cli", "worker", "--queues", "llm"]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def hand_in(desk: Desk, folder: Path, dollars: float) -> str:
    """A run that explains six features and waits for a worker."""
    spec = {
        "harvest": planted_harvest(folder),
        "features": {"indices": FEATURES},
        "explainers": ["default"],
        "llm": "server/some-model",
        "budget": {"dollars": dollars},
    }
    return create_run(desk, RunSpec.model_validate(spec), idempotency_key=None).id


def kill_while_it_asks(chosen: Settings, server: TestServer) -> None:
    """Start a worker and kill it when no further request of it comes."""
    worker = start(chosen)
    try:
        seen = 0
        until(lambda: len(server.requests) > 0, chosen)
        while seen != len(server.requests):
            seen = len(server.requests)
            time.sleep(0.3)
    finally:
        worker.kill()
        worker.wait()


def until(holds: Callable[[], bool], chosen: Settings) -> None:
    """Wait, but not for ever."""
    end = time.monotonic() + 40
    while not holds():
        assert time.monotonic() < end, (chosen.data_dir / "worker.log").read_text()[-5000:]
        time.sleep(0.02)


def stand(database: Database, run_id: str) -> tuple[RunRecord, BudgetRecord]:
    """The run and its budget."""
    with database.read() as session:
        return runs.get(session, run_id), budgets.get(session, run_id)


@pytest.mark.parametrize(
    ("harvested_url", "dollars", "end"),
    [
        ("sqlite", AMPLE, RunState.COMPLETE),
        ("postgresql", AMPLE, RunState.COMPLETE),
        ("sqlite", SCANT, RunState.OUT_OF_BUDGET),
    ],
    indirect=["harvested_url"],
)
def test_what_a_killed_worker_had_set_aside_is_free_again_once_it_is_taken_for_dead(
    harvested_url: str, dollars: float, end: RunState, folder: Path, tmp_path: Path
) -> None:
    dead = threading.Event()

    async def slowly(seen: Seen) -> Response:
        await asyncio.to_thread(dead.wait)
        return await behaviours.honest(seen)

    with serve(slowly) as server:
        chosen = settings(harvested_url, tmp_path, server)
        database = wiring.open_database(chosen)
        with wiring.open_desk(chosen, database) as desk:
            run_id = hand_in(desk, folder, dollars)
            try:
                kill_while_it_asks(chosen, server)
            finally:
                dead.set()
            _, left = stand(database, run_id)
            with wiring.embedded_worker(chosen, database, queues=("llm",)):
                resume_run(desk, run_id)
                until(lambda: stand(database, run_id)[0].state.ended, chosen)
        run, budget = stand(database, run_id)
        with database.read() as session:
            lines = calls.list_calls(session, run_id=run_id, after=None, limit=100)
        database.close()

    assert left.reserved_cost > 0
    assert (run.state, run.error is None) == (end, end is RunState.COMPLETE)
    assert (budget.reserved_cost, budget.reserved_tokens) == (0, 0)
    assert budget.spent_cost == sum(line.cost or 0 for _, line in lines) > 0
    assert budget.cap_cost is not None
    assert budget.spent_cost <= budget.cap_cost
