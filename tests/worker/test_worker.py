"""A worker does a whole run on either database: in this process, or in another that may be killed."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from autointerp import wiring
from autointerp.domain.ledger import AttemptStatus
from autointerp.domain.specs import RunSpec
from autointerp.runs import cancel_run, create_harvest, create_run, wait_harvest, wait_run, workers_alive
from autointerp.settings import Settings, load
from autointerp.storage import calls, explanations, harvests, prompts, runs
from autointerp.storage.records import RunState
from tests.pipeline.world import FEATURES, planted_harvest

pytestmark = pytest.mark.e2e
WORKER = "from autointerp import settings, wiring; wiring.run_worker(settings.load(), ('llm', 'harvest'))"
QUICK = {"lease": 1.5, "drain": 5, "polling": 0.05, "chunks": 2, "features": 2}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return load(database_url=database_url, data_dir=tmp_path, worker=QUICK)


def spec(folder: Path, **options: object) -> RunSpec:
    usual: dict[str, object] = {
        "harvest": planted_harvest(folder),
        "features": {"indices": FEATURES},
        "explainers": ["default", "token_statistics"],
        "scorers": [{"name": "fuzzing", "judge": "lexical"}],
        "llm": "fake/honest",
        "chunk": 4,
    }
    return RunSpec.model_validate(usual | options)


def until(holds: Callable[[], object], *, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


def start(settings: Settings) -> subprocess.Popen[bytes]:
    environment = {f"AUTOINTERP_WORKER__{name.upper()}": str(value) for name, value in QUICK.items()}
    environment |= {"AUTOINTERP_DATABASE_URL": settings.database_url, "AUTOINTERP_DATA_DIR": str(settings.data_dir)}
    return subprocess.Popen([sys.executable, "-c", WORKER], env=os.environ | environment)


def test_an_embedded_worker_harvests_explains_and_scores(settings: Settings, folder: Path) -> None:
    database = wiring.open_database(settings)
    with wiring.open_desk(settings, database) as desk:
        run = create_run(desk, spec(folder), idempotency_key=None)
        with wiring.embedded_worker(settings, database):
            ended = wait_run(desk, run.id, timeout=60, poll=0.05)
            alive = len(workers_alive(desk))
        left = len(workers_alive(desk))

    with database.read() as session:
        found = runs.progress(session, run.id)
        made = explanations.list_explanations(session, run_id=run.id, limit=100)
        version = next(one.explanation.prompt for one in made if one.explanation.prompt)
        kept = prompts.get(session, version)
    database.close()
    assert (ended.state, ended.error) == (RunState.COMPLETE, None)
    assert (found.explanations, found.scores, found.waiting) == (12, 12, 0)
    assert kept.name == "explainers/default"
    assert (alive, left) == (1, 0)


def test_an_inquiry_is_answered_while_its_request_waits(settings: Settings, folder: Path) -> None:
    database = wiring.open_database(settings)
    with wiring.open_desk(settings, database) as desk, wiring.embedded_worker(settings, database):
        harvest = create_harvest(desk, planted_harvest(folder))
        wait_harvest(desk, harvest.id, timeout=60, poll=0.05)
        with TestClient(wiring.create_api(settings, "127.0.0.1"), base_url="http://127.0.0.1") as client:
            asked = {"harvest_id": harvest.id, "text": "the red tiger climbs in the school.", "top": 3}
            answer = client.post("/v1/activations", json=asked, headers={"Prefer": "wait=30"})
    database.close()

    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert len(answer.json()["result"]["features"]) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_cancel_stops_a_run_that_is_being_harvested_within_two_seconds(settings: Settings, folder: Path) -> None:
    database = wiring.open_database(settings)
    long = planted_harvest(folder, batch=1, shards=1)
    with wiring.open_desk(settings, database) as desk, wiring.embedded_worker(settings, database):
        run = create_run(desk, spec(folder, harvest=long), idempotency_key=None)

        def tokens_read() -> int:
            with database.read() as session:
                return harvests.get(session, run.harvest_id or "").tokens_total or 0

        until(tokens_read)
        begun = time.monotonic()
        cancelled = cancel_run(desk, run.id)
        until(lambda: not any(job.state.live for job in desk.jobs.status("")))
        seconds = time.monotonic() - begun
    database.close()

    assert cancelled.state is RunState.CANCELLED
    assert seconds < 2


def test_a_killed_worker_is_taken_over_and_next_to_nothing_is_paid_twice(settings: Settings, folder: Path) -> None:
    database = wiring.open_database(settings)
    with wiring.open_desk(settings, database) as desk:
        harvest = create_harvest(desk, planted_harvest(folder))
        with wiring.embedded_worker(settings, database):
            wait_harvest(desk, harvest.id, timeout=60, poll=0.05)
        judged = spec(folder, scorers=[{"name": "detection", "judge": "llm"}], explainers=["default"], chunk=6)
        run = create_run(desk, judged, idempotency_key=None)

        def paid() -> int:
            with database.read() as session:
                return runs.progress(session, run.id).requests

        first = start(settings)
        try:
            until(lambda: paid() > 10)
        finally:
            first.kill()
            first.wait()
        with database.read() as session:
            cut_off = runs.get(session, run.id).state
        with wiring.embedded_worker(settings, database):
            ended = wait_run(desk, run.id, timeout=60, poll=0.05)

    with database.read() as session:
        made = explanations.list_explanations(session, run_id=run.id, limit=100)
        lines = calls.list_calls(session, run_id=run.id, after=None, limit=10_000)
    database.close()
    bought = Counter(line.request for _, line in lines if line.status is AttemptStatus.ANSWERED)
    assert (cut_off, ended.state) == (RunState.RUNNING, RunState.COMPLETE)
    assert len({one.feature_id for one in made}) == len(made) == len(FEATURES)
    assert sum(bought.values()) - len(bought) <= 8 + 8  # in flight, and answered but not yet kept
