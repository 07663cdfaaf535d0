"""A run that is cancelled or paused while a slow server has its requests stops within two seconds and asks no more."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autointerp import wiring
from autointerp.domain.ledger import AttemptStatus
from autointerp.domain.specs import RunSpec
from autointerp.runs import cancel_run, create_run, pause_run
from autointerp.settings import load
from autointerp.storage import calls, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState
from autointerp.testing import behaviours, serve
from tests.e2e.conftest import Processes, until
from tests.pipeline.world import planted_harvest

pytestmark = pytest.mark.e2e

SLOW = 30.0  # seconds that the server takes for an answer
SOON = 2.0


def broken_off(database: Database, run_id: str) -> list[datetime]:
    """When the requests of a run were broken off."""
    with database.read() as session:
        lines = [line for _, line in calls.list_calls(session, run_id=run_id, after=None, limit=100)]
    return [line.finished_at for line in lines if line.status is AttemptStatus.CANCELLED]


@pytest.mark.parametrize("verb", [cancel_run, pause_run])
def test_a_running_chunk_stops_within_two_seconds(
    verb: Callable[..., object],
    processes: Callable[[str], Processes],
    harvested: Path,
    folder: Path,
    tmp_path: Path,
) -> None:
    shutil.copyfile(harvested, tmp_path / "autointerp.db")
    url = f"sqlite:///{tmp_path / 'autointerp.db'}"
    with serve(behaviours.slow(SLOW, behaviours.honest)) as server:
        endpoint = {"provider": "openai", "base_url": server.openai_url, "api_key": "k", "options": {"timeout": 60}}
        installation = processes(url)
        installation.environment["AUTOINTERP_ENDPOINTS"] = json.dumps({"server": endpoint})
        loaded = load(database_url=url, data_dir=tmp_path, endpoints={"server": endpoint})
        database = wiring.open_database(loaded)
        with wiring.open_desk(loaded, database) as desk:
            spec = {"harvest": planted_harvest(folder), "explainers": ["default"], "llm": "server/m", "chunk": 3}
            run = create_run(desk, RunSpec.model_validate(spec), idempotency_key=None)
            installation.start("worker")
            until(lambda: len(server.requests) >= 3, "requests", installation, every=0.05)
            told = datetime.now(UTC)
            verb(desk, run.id)
            until(
                lambda: len(broken_off(database, run.id)) >= len(server.requests),
                "end of the chunk",
                installation,
                every=0.05,
            )
            asked = len(server.requests)
            time.sleep(SOON)
            ended = broken_off(database, run.id)

            with database.read() as session:
                state, progress = runs.get(session, run.id).state, runs.progress(session, run.id)
        database.close()

    assert (max(ended) - told).total_seconds() < SOON
    assert len(server.requests) == asked
    assert state is (RunState.CANCELLED if verb is cancel_run else RunState.PAUSED)
    assert progress.failed == 0
