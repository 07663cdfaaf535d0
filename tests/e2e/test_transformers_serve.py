"""A real server: `transformers serve` with the bundled model decides the questions of a detection run."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import httpx2
import pytest

from autointerp.demo import MODEL
from autointerp.domain.judging import Confidence
from autointerp.domain.ledger import AttemptStatus
from autointerp.domain.scores import Trial
from autointerp.storage import calls, scores
from autointerp.storage.engine import Database
from autointerp.subject.planted import planted
from tests.e2e.conftest import Processes, free_port, until

pytestmark = pytest.mark.e2e

# The bundled model has no chat template, and its words for yes and no are Python's.
READING = {
    "labels": {"noul": [" True", " False"]},
    "chat_template": "{{ state }}\n{{ question.instructions }}\nAnswer:",
}

ENDPOINT = """
[endpoints.local]
provider = "openai"
base_url = "{url}"
options = {{ decisions = "systemone", timeout = 200 }}
price = {{ input = 0, output = 0 }}
"""
SPEC = """
llm = "local/{model}"
explainers = ["token_statistics"]
harvest.tokens = 8000
harvest.context = 64
harvest.batch = 16
harvest.pool = 500
harvest.subject.model = "./planted/model"
harvest.saes = [{{ path = "./planted/sae" }}]
harvest.corpus = {{ kind = "jsonl", path = "./planted/documents.jsonl", id_field = "id" }}
features.indices = [1, 2]
controls.features = 0

[[scorers]]
name = "detection"
judge = {{ name = "{judge}", options = {{ {options} }} }}
options = {{ quantile = 6, random = 6, same_token = 0 }}
"""


@pytest.fixture
def installation(processes: Callable[[str], Processes], tmp_path: Path) -> Processes:
    """An installation in a folder of its own."""
    return processes(f"sqlite:///{tmp_path / 'autointerp.db'}")


@pytest.fixture
def server(installation: Processes) -> Generator[str]:
    """A server of the bundled model; yields its address."""
    folder, port = installation.folder, free_port()
    (folder / "decision.json").write_text(json.dumps(READING))
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(MODEL), "--device", "cpu"]
    command += ["--port", str(port), "--decision-config", str(folder / "decision.json")]
    with (folder / "transformers.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=installation.environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: httpx2.get(f"http://localhost:{port}/health").is_success, "server", installation)
        yield f"http://localhost:{port}/v1"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def test_a_detection_run_ends_with_the_servers_probabilities(installation: Processes, server: str) -> None:
    _configure(installation, server)

    probed = installation.run("endpoints", "probe", f"local/{MODEL}", "--json")
    refused = installation.run("run", "llm.toml", "--yes")
    done = installation.run("run", "decisions.toml", "--yes")

    assert probed.exit_code == 0, probed.stderr
    found = {one["capability"]: one["has"] for one in json.loads(probed.stdout)["findings"]}
    assert (found["logprobs"], found["echo"]) == ("no", "no")
    assert found["decisions"] in ("yes", "unknown")  # so small a model may not know which statement is true
    assert refused.exit_code == 1
    assert "has none" in refused.stderr
    assert done.exit_code == 0, done.stderr
    trials, ledger = _stored(installation)
    assert len(trials) == 24
    assert {trial.answer.kind for trial in trials} == {Confidence.DECISION}
    probabilities = {trial.answer.confidence for trial in trials}
    assert len(probabilities) > 10
    assert all(value is not None and 0 < value < 1 for value in probabilities)
    assert AttemptStatus.ANSWERED in ledger


def _configure(installation: Processes, url: str) -> None:
    """The planted subject, an endpoint for the server, and a spec for each judge over the same harvest."""
    folder = installation.folder
    planted().save(folder / "planted")
    (folder / "autointerp.toml").write_text(ENDPOINT.format(url=url))
    for judge, options in (("decisions", "questions = 12"), ("llm", "logprobs = 5")):
        (folder / f"{judge}.toml").write_text(SPEC.format(model=MODEL, judge=judge, options=options))


def _stored(installation: Processes) -> tuple[list[Trial], set[AttemptStatus]]:
    database = Database(installation.environment["AUTOINTERP_DATABASE_URL"])
    with database.read() as session:
        rows = scores.list_scores(session, after=None, limit=10)
        trials = [trial for row in rows for trial in scores.trials(session, row.id)]
        ledger = {line.status for _, line in calls.list_calls(session, run_id=None, after=None, limit=1000)}
    database.close()
    return trials, ledger
