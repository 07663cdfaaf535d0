"""A probe learns whether the process lives, and whether it can work."""

import subprocess
import sys

from fastapi import FastAPI
from fastapi.testclient import TestClient

from autointerp import __version__
from autointerp.storage import workers
from autointerp.storage.engine import Database
from tests.api.conftest import Queue, app_over


def test_a_live_process_says_so(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "version": __version__}


def test_it_is_ready_when_a_worker_is_alive(client: TestClient, database: Database) -> None:
    with database.write() as session:
        workers.beat(session, "one", kind="test", queues=["llm"])

    answer = client.get("/ready", params={"workers": 1}).json()

    assert answer == {"status": "ready", "workers": 1, "queues": {"llm": 1, "harvest": 0, "model": 0}}


def test_without_a_worker_it_reads_and_takes_work(client: TestClient) -> None:
    answer = client.get("/ready")

    assert (answer.status_code, answer.json()["workers"]) == (200, 0)


def test_it_is_not_ready_when_it_is_being_stopped(app: FastAPI, client: TestClient) -> None:
    app.state.leaving.begin()

    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200
    assert client.get("/v1/models").status_code == 200


def test_it_is_not_ready_without_the_workers_that_are_asked_for(client: TestClient) -> None:
    answer = client.get("/ready", params={"workers": 1})

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "autointerp worker" in answer.json()["detail"]


def test_it_is_not_ready_on_a_database_without_tables(new_url: str) -> None:
    database = Database(new_url)
    answer = TestClient(app_over(database, Queue())).get("/ready")
    database.close()

    assert answer.status_code == 503
    assert "autointerp db upgrade" in answer.json()["detail"]


def test_the_api_never_reaches_torch() -> None:
    code = "import sys, autointerp.api.app; print(sorted({'torch', 'sae_lens', 'openai', 'dbos'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
