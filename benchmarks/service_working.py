"""How the throughput of a run grows with its workers, each a process, as `autointerp worker` starts them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autointerp import wiring
from autointerp.domain.specs import RunSpec
from autointerp.runs import create_run, wait_run
from autointerp.settings import Settings, load
from autointerp.storage import runs, workers
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState
from benchmarks.llm_server import serving as language_model
from benchmarks.service_filling import Filled
from benchmarks.tables import Line, noted

WORKERS = (1, 2, 4, 8)
LATENCY = 0.2  # seconds in which the language model answers
PATIENCE = 300.0
RUNS: dict[str, dict[str, Any]] = {
    "token statistics, detection by words": {
        "explainers": ["token_statistics"],
        "scorers": [{"name": "detection", "judge": "lexical"}],
    },
    "explained and detected by a language model": {
        "explainers": ["default"],
        "scorers": [{"name": "detection", "judge": "llm"}],
        "llm": "server/m",
    },
}


@dataclass(frozen=True)
class Work:
    """A run of some features, and where it is done."""

    settings: Settings
    filled: Filled
    features: int


def work(url: str, filled: Filled, folder: Path, features: int) -> list[Line]:
    """Measure each kind of run with each number of workers; `features` of them for each worker that is there."""
    table: list[Line] = []
    with language_model(latency=LATENCY) as address:
        endpoint = {"provider": "openai", "base_url": address, "api_key": "none", "price": {"input": 1, "output": 1}}
        settings = load(data_dir=folder, database_url=url, endpoints={"server": endpoint})
        for count in WORKERS:
            with working(settings, count):
                for name, spec in RUNS.items():
                    rate, busy = _rate(Work(settings, filled, features), spec)
                    print(f"{name}, {count} workers: {rate:.1f} features/s, {busy:.0%} of the CPU", file=sys.stderr)
                    table += [
                        noted(f"{name}, {count} workers", rate, "features/s"),
                        noted("– of the machine's CPU in use, by whomever", 100 * busy, "%"),
                    ]
    return table


@contextmanager
def working(settings: Settings, count: int) -> Generator[None]:
    """So many workers for as long as the block."""
    given = {name: one.model_dump(mode="json", exclude={"api_key"}) for name, one in settings.endpoints.items()}
    given["server"]["api_key"] = "none"
    environment = {
        **os.environ,
        "AUTOINTERP_DATABASE_URL": settings.database_url,
        "AUTOINTERP_DATA_DIR": str(settings.data_dir),
        "AUTOINTERP_ENDPOINTS": json.dumps({"server": given["server"]}),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "autointerp.cli", "worker", "--queues", "llm"]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(count)
    ]
    try:
        _await(settings, count)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _await(settings: Settings, count: int) -> None:
    database = Database(settings.database_url)
    end = time.monotonic() + PATIENCE
    while True:
        with database.read() as session:
            alive = len(workers.list_workers(session))
        if alive >= count:
            break
        if time.monotonic() > end:
            raise RuntimeError(f"only {alive} of {count} workers have started")
        time.sleep(0.5)
    database.close()


def _rate(work: Work, spec: dict[str, Any]) -> tuple[float, float]:
    """Do a run, and return how many features a second were done and which part of the CPU was in use meanwhile."""
    wanted = RunSpec.model_validate(
        {
            "harvest": work.filled.harvest,
            "features": {"stop": work.features, "min_firings": 1},
            "controls": {"features": 0},
            "chunk": 25,
            **spec,
        }
    )
    database = wiring.open_database(work.settings)
    with wiring.open_desk(work.settings, database) as desk:
        before, start = _cpu(), time.perf_counter()
        run = wait_run(desk, create_run(desk, wanted, idempotency_key=None).id, timeout=PATIENCE, poll=0.2)
        taken, after = time.perf_counter() - start, _cpu()
        with database.read() as session:
            done = runs.progress(session, run.id).done
    database.close()
    if run.state not in (RunState.COMPLETE, RunState.COMPLETE_WITH_FAILURES):
        raise RuntimeError(f"the run ended {run.state}: {run.error}")
    return done / taken, (after[0] - before[0]) / (after[1] - before[1])


def _cpu() -> tuple[int, int]:
    """Time that the machine's CPUs were busy, and all time, in ticks."""
    ticks = [int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
