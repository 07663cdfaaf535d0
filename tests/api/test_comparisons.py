"""Comparisons, agreement and summaries over the API."""

import pytest
from fastapi.testclient import TestClient

from autointerp.storage.engine import Database
from tests.runs.scored import DETECTION, FUZZING, Stage, rising, stage


@pytest.fixture(name="stage")
def a_stage(database: Database) -> Stage:
    """What this test's own database holds."""
    return stage(database)


def test_two_explainers_of_a_run_are_compared(client: TestClient, stage: Stage) -> None:
    run = stage.run({0: rising(start=0.3)}, {0: [*rising()[:11], "constant"]}, explainers=("default", "bricken"))
    sides = {"first": {"run_id": run, "explainer": "default"}, "second": {"run_id": run, "explainer": 1}}

    answer = client.post("/v1/comparisons", json={**sides, "verdicts": True})

    assert answer.status_code == 200
    found = answer.json()
    assert (found["first"]["explainer"]["explainer"], found["second"]["explainer"]["position"]) == ("default", 1)
    [scorer] = found["scorers"]
    assert scorer["scorer"]["label"] == "detection:lexical"
    assert (scorer["pairs"], scorer["wins"], scorer["left_out"]) == (11, 11, {"second_undefined": 1})
    assert scorer["difference"] == pytest.approx(0.1)
    assert (scorer["interval"]["low"], scorer["interval"]["high"]) == pytest.approx((0.1, 0.1))
    assert scorer["p"] == pytest.approx(2 / 2**11)
    assert scorer["verdicts"]["agreement"] is None


def test_the_same_comparison_again_is_the_same(client: TestClient, stage: Stage) -> None:
    sides = {"first": {"run_id": stage.run({0: rising()})}, "second": {"run_id": stage.run({0: rising(0.03)})}}

    once, again = (client.post("/v1/comparisons", json=sides).json() for _ in range(2))

    assert once == again


def test_what_cannot_be_compared_is_a_problem_of_one_sentence(client: TestClient, stage: Stage) -> None:
    run = stage.run({0: rising()})
    side, waiting = {"run_id": run}, {"run_id": stage.seeded.waiting_run}

    unknown = client.post("/v1/comparisons", json={"first": side, "second": {"run_id": "none"}})
    empty = client.post("/v1/comparisons", json={"first": side, "second": waiting})
    wrong = client.post("/v1/comparisons", json={"first": side, "second": side, "third": side})
    negative = client.post("/v1/comparisons", json={"first": side, "second": {**side, "explainer": -1}})

    assert (unknown.status_code, unknown.json()["detail"]) == (404, "there is no run none")
    assert (empty.status_code, empty.json()["type"]) == (422, "urn:autointerp:problem:invalid-input")
    assert "has no scores" in empty.json()["detail"]
    assert [wrong.status_code, negative.status_code] == [422, 422]
    assert negative.json()["errors"][0]["field"].startswith("body.second.explainer")


def test_the_agreement_of_a_runs_scorers_is_shown(client: TestClient, stage: Stage) -> None:
    run = stage.run({0: rising(), 1: rising(-0.01)}, scorers=(DETECTION, FUZZING))

    [table] = client.get(f"/v1/runs/{run}/agreement").json()["items"]

    assert [scorer["label"] for scorer in table["scorers"]] == ["detection:lexical", "fuzzing:lexical"]
    assert table["pairs"] == [
        {
            "first": 0,
            "second": 1,
            "value": -1.0,
            "interval": {"low": -1.0, "high": -1.0},
            "count": 12,
            "undefined": None,
        }
    ]


def test_agreement_needs_two_scorers(client: TestClient, stage: Stage) -> None:
    answer = client.get(f"/v1/runs/{stage.run({0: rising()})}/agreement")

    assert answer.status_code == 422
    assert "agreement needs two scorers" in answer.json()["detail"]


def test_the_scores_of_a_run_are_put_together(client: TestClient, stage: Stage) -> None:
    run = stage.run({0: [*rising()[:10], "constant", None]})

    [line] = client.get(f"/v1/runs/{run}/summary").json()["items"]

    assert (line["scorer"]["label"], line["explainer"]["explainer"]) == ("detection:lexical", "default")
    assert (line["scored"], line["undefined"], line["missing"]) == (10, {"constant": 1}, 1)
    assert (line["mean"], line["median"]) == pytest.approx((0.425, 0.425))
