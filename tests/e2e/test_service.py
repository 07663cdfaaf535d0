"""The main job over REST: the API in one process, a worker in another, one real database for both."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from autointerp.demo import MODEL, SAE_JUMPRELU, SAE_TOPK
from autointerp.domain.specs import CONTROLS
from tests.e2e.conftest import Processes, free_port, until

pytestmark = pytest.mark.e2e

HARVEST = {
    "subject": {"model": str(MODEL)},
    "saes": [{"path": str(SAE_TOPK)}, {"path": str(SAE_JUMPRELU)}],
    "corpus": {"kind": "stdlib"},
    "tokens": 12_000,
    "shards": 2,
}
SPEC = {
    "harvest": HARVEST,
    "features": {"sae": 1, "sample": 2, "min_firings": 30, "max_density": 0.2},
    "explainers": ["token_statistics", {"name": "default", "options": {}}],
    "llm": "fake/honest",
    "scorers": [
        {"name": "detection", "judge": "lexical"},
        {"name": "fuzzing", "judge": "llm"},
        {"name": "intervention", "judge": "lexical", "options": {"prompts": 6}},
    ],
    "chunk": 1,
}
ENDED = {"complete", "complete_with_failures", "failed", "cancelled", "out_of_budget"}


def test_a_run_over_rest_is_done_by_a_worker_and_read_back(
    database_url: str, processes: Callable[[str], Processes]
) -> None:
    installation = processes(database_url)
    port = free_port()
    installation.start("serve", "--api-only", "--port", str(port))
    installation.start("worker")
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        until(lambda: client.get("/health").status_code == 200, "API", installation)
        created = client.post("/v1/runs", json=SPEC, headers={"Idempotency-Key": "one"})
        again = client.post("/v1/runs", json=SPEC, headers={"Idempotency-Key": "one"})

        run = until(lambda: _ended(client, created.json()["id"]), "end of the run", installation)

        assert (created.status_code, again.json()["id"]) == (202, created.json()["id"])
        assert (run["state"], run["error"]) == ("complete", None), (run, installation.logs())
        assert (run["progress"]["done"], run["progress"]["scores"]) == (2, 2 * 2 * 3)
        _check_what_is_there(client, run)


def _ended(client: httpx2.Client, run_id: str) -> dict[str, Any] | None:
    run = client.get(f"/v1/runs/{run_id}").raise_for_status().json()
    return run if run["state"] in ENDED else None


def _check_what_is_there(client: httpx2.Client, run: dict[str, Any]) -> None:
    assert client.get("/ready").status_code == 200
    assert len(client.get("/v1/models").json()["items"]) == 1
    kinds = [sae["kind"] for sae in client.get("/v1/saes").json()["items"]]
    assert kinds[2:] == ["random"] * 2  # for the controls
    against = client.get(f"/v1/runs/{run['id']}/controls").json()
    assert against["sample"] == 2
    assert {line["control"] for line in against["items"]} == set(CONTROLS)
    explanations = client.get("/v1/explanations", params={"run_id": run["id"]}).json()["items"]
    assert len(explanations) == 4
    for explanation in explanations:
        both = {"split": ["explain", "score"]}
        feature = client.get(f"/v1/features/{explanation['feature_id']}", params=both).json()
        shown = [(group["split"], window) for group in feature["groups"] for window in group["examples"]]
        documents = {split: {w["document"] for s, w in shown if s == split} for split in ("explain", "score")}
        assert all(documents.values())
        assert documents["explain"].isdisjoint(documents["score"])
        assert all(len(window["pieces"]) == len(window["activations"]) for _, window in shown)
    scores = client.get("/v1/scores", params={"run_id": run["id"]}).json()["items"]
    assert {"detection", "fuzzing", "intervention"} == {score["scorer"] for score in scores}
    detection = next(score for score in scores if score["scorer"] == "detection")
    trials = client.get(f"/v1/scores/{detection['id']}/trials", params={"limit": 500}).json()
    assert len(trials["items"]) == detection["asked"]
