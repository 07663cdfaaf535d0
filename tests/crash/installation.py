"""An installation in real processes: an API, workers, one database; each may be killed at any moment."""

import json
import os
import random
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.crash.toll import Toll
from tests.e2e.conftest import Processes, free_port, until

LEASE = 3.0
WORKERS = 2
WORKER = {"lease": LEASE, "drain": 5, "polling": 0.1, "chunks": 2, "features": 4}
AT_ONCE = 8  # requests of a worker in flight
FEATURES, CHUNK = 24, 3
SCORERS = ("detection", "fuzzing")
ENDED = {"complete", "complete_with_failures", "failed", "cancelled", "out_of_budget"}


@dataclass
class Installation:
    """Its processes, and who asks the API. Each worker has a key of its own for the language-model server."""

    url: str
    harvest: str
    toll: Toll
    processes: Processes
    port: int
    client: httpx2.Client
    api: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, subprocess.Popen[bytes]])
    started: int = 0

    def start_api(self) -> None:
        """Start the API and wait until it answers."""
        self.api = self._start("api", "serve", "--api-only", "--port", str(self.port))
        until(self.is_up, "API", self.processes, every=0.1)

    def kill_api(self) -> None:
        """Kill -9 the API."""
        assert self.api is not None
        self.api.kill()
        self.api.wait()

    def is_up(self) -> bool:
        """Whether the API answers."""
        return self.client.get("/health").status_code == 200

    def start_workers(self, count: int) -> None:
        """Start so many workers, without waiting for them."""
        for _ in range(count):
            self.started += 1
            name = f"worker-{self.started}"
            self.workers[name] = self._start(name, "worker", "--queues", "llm")

    def kill_workers(self, names: frozenset[str]) -> None:
        """Kill -9 these workers."""
        for name in names:
            self.workers[name].kill()
        for name in names:
            self.workers.pop(name).wait()

    def spec(self, model: str, *, features: int = FEATURES) -> dict[str, Any]:
        """A run in which a model explains features and judges the explanations."""
        return {
            "harvest": self.harvest,
            "features": {"sample": features, "min_firings": 50},
            "explainers": ["default"],
            "scorers": [{"name": name, "judge": "llm"} for name in SCORERS],
            "llm": f"server/{model}",
            "chunk": CHUNK,
            "budget": {"dollars": 50},
            "controls": {"features": 0},
        }

    def hand_in(self, model: str, *, features: int = FEATURES) -> str:
        """Hand in a run under the model's name as its key, and return its id."""
        spec = self.spec(model, features=features)
        answer = self.client.post("/v1/runs", json=spec, headers={"Idempotency-Key": model})
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def run(self, run_id: str) -> dict[str, Any] | None:
        """The run as the API shows it; None while the API cannot."""
        answer = self.client.get(f"/v1/runs/{run_id}")
        return answer.json() if answer.status_code == 200 else None

    def has_ended(self, run_id: str) -> bool:
        """Whether the run has ended, as far as the API can tell now."""
        run = self.run(run_id)
        return run is not None and run["state"] in ENDED

    def await_end(self, run_id: str) -> float:
        """Wait until the run has ended by itself, and return when that was seen."""
        until(lambda: self.has_ended(run_id), f"end of the run {run_id}", self.processes, every=0.25)
        return time.time()

    def await_request(self, run_id: str, model: str, number: int) -> None:
        """Wait until the model was asked so often, or the run has ended."""
        until(
            lambda: self.toll.count(model) >= number or self.has_ended(run_id), "requests", self.processes, every=0.05
        )

    def _start(self, key: str, *command: str) -> subprocess.Popen[bytes]:
        endpoint = {
            "provider": "openai",
            "base_url": self.toll.url,
            "api_key": key,
            "price": {"input": 1, "output": 2},
            "policy": {"concurrency": AT_ONCE, "max_concurrency": AT_ONCE},
        }
        self.processes.environment["AUTOINTERP_ENDPOINTS"] = json.dumps({"server": endpoint})
        return self.processes.start(*command)


@contextmanager
def installed(url: str, harvest: str, toll: Toll, folder: Path) -> Generator[Installation]:
    """An installation over a database that holds a harvest, with an API and two workers."""
    environment = {
        **os.environ,
        **{f"AUTOINTERP_WORKER__{name.upper()}": str(value) for name, value in WORKER.items()},
        "AUTOINTERP_DATABASE_URL": url,
        "AUTOINTERP_DATA_DIR": str(folder / "data"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    processes, port = Processes(folder, environment), free_port()
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        house = Installation(url, harvest, toll, processes, port, client)
        try:
            house.start_api()
            house.start_workers(WORKERS)
            yield house
        finally:
            processes.end()


def moments(chance: random.Random, count: int, *, among: int) -> list[int]:
    """So many random requests of a run of `among`, in order."""
    return sorted(chance.randrange(1, among) for _ in range(count))
