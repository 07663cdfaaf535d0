"""An API that is killed after it took a run in: whoever hands it in again gets the same run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.e2e.conftest import Processes, free_port, until
from tests.pipeline.world import planted_harvest

pytestmark = pytest.mark.e2e


def test_a_run_outlives_the_api_that_took_it_in(
    processes: Callable[[str], Processes], harvested: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.copyfile(harvested, tmp_path / "autointerp.db")
    installation, port = processes(f"sqlite:///{tmp_path / 'autointerp.db'}"), free_port()
    spec = {"harvest": planted_harvest(folder).model_dump(mode="json"), "explainers": ["token_statistics"]}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        def started_and_asked() -> tuple[str, list[str]]:
            """Start the API, hand the run in, and kill the API."""
            api = installation.start("serve", "--api-only", "--port", str(port))
            until(lambda: client.get("/health").status_code == 200, "API", installation, every=0.1)
            run = client.post("/v1/runs", json=spec, headers={"Idempotency-Key": "one"}).json()
            listed = client.get("/v1/runs").json()["items"]
            api.kill()
            api.wait()
            return run["id"], [one["id"] for one in listed]

        first, _ = started_and_asked()
        second, listed = started_and_asked()

    assert first == second
    assert listed == [first]
