"""A probe learns whether the process lives, and whether it can work."""

import subprocess
import sys

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

    assert client.get("/ready").json() == {"status": "ready", "workers": 1}


def test_it_is_not_ready_without_a_worker(client: TestClient) -> None:
    answer = client.get("/ready")

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
