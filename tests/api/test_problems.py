"""Every failure is a problem document that says what to do and shows nothing of the inside."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from autointerp.errors import (
    AutointerpError,
    Conflict,
    DamagedFile,
    InvalidInput,
    InvalidSpec,
    LLMError,
    NotFound,
    OutOfBudget,
    Unauthorised,
    Unavailable,
)
from tests.api.seed import Seeded

RECORDS = ["models/99", "saes/99", "harvests/none", "features/99", "explanations/99", "scores/99", "runs/none"]
DEEPER = ["runs/none/failures", "runs/none/unread", "scores/99/trials", "saes/99/features/1", "plugins/scorer/none"]
DEEPER += ["runs/none/summary", "runs/none/agreement"]


@pytest.mark.parametrize("path", RECORDS + DEEPER)
def test_what_is_not_there_is_a_404(reader: TestClient, path: str) -> None:
    answer = reader.get(f"/v1/{path}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["title"]) == ("urn:autointerp:problem:not-found", "Not found")
    assert (problem["status"], problem["instance"]) == (404, f"/v1/{path}")
    assert problem["detail"]


@pytest.mark.parametrize("path", ["features?harvest_id=none", "features?sae_id=99", "features/1?harvest_id=none"])
def test_a_filter_that_names_nothing_is_a_404(reader: TestClient, seeded: Seeded, path: str) -> None:
    assert reader.get(f"/v1/{path}").status_code == 404


def test_a_feature_index_out_of_range_says_so(reader: TestClient, seeded: Seeded) -> None:
    answer = reader.get(f"/v1/saes/{seeded.sae}/features/4000000")

    assert answer.status_code == 404
    assert "4000000" in answer.json()["detail"]


def test_a_number_beyond_the_database_is_a_404_or_422(reader: TestClient) -> None:
    nouns, numbers = ("models", "saes", "features", "explanations", "scores"), (2**31, 2**63 - 1, 2**63, 2**70, 0, -1)

    paths = [f"/v1/{noun}/{number}" for noun in nouns for number in numbers]
    paths += [f"/v1/features?sae_id={2**63}", f"/v1/scores?feature_id={2**70}", f"/v1/saes/1/features/{2**40}"]

    assert {
        path: reader.get(path).status_code for path in paths if reader.get(path).status_code not in (404, 422)
    } == {}


@pytest.mark.parametrize("query", ["start=-1", "min_density=2", "max_density=nan", "order=colour", "explained=perhaps"])
def test_a_filter_out_of_its_range_is_a_422(reader: TestClient, seeded: Seeded, query: str) -> None:
    answer = reader.get(f"/v1/features?sae_id={seeded.sae}&{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_list_of_features_must_say_whose(reader: TestClient) -> None:
    answer = reader.get("/v1/features")

    assert answer.status_code == 422
    assert "harvest_id or sae_id" in answer.json()["detail"]


def test_an_unknown_route_is_a_problem(reader: TestClient) -> None:
    answer = reader.get("/v1/nothing")

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert "/docs" in answer.json()["detail"]


def test_a_method_that_is_not_allowed_is_a_problem_and_says_which_are(reader: TestClient) -> None:
    answer = reader.delete("/v1/models")

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_an_invalid_body_names_each_wrong_field(reader: TestClient) -> None:
    spec = {"subject": {"model": ""}, "saes": [], "corpus": {"kind": "stdlib"}, "surprise": 1}

    answer = reader.post("/v1/harvests", json=spec)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    fields = {error["field"] for error in answer.json()["errors"]}
    assert fields == {"body.subject.model", "body.saes", "body.surprise"}


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_spec_is_a_422(reader: TestClient, body: bytes) -> None:
    answer = reader.post("/v1/runs", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


ERRORS = (
    InvalidInput,
    InvalidSpec,
    NotFound,
    Conflict,
    Unauthorised,
    Unavailable,
    DamagedFile,
    LLMError,
    OutOfBudget,
    AutointerpError,
)


def test_every_deliberate_failure_keeps_its_status_and_its_sentence(app: FastAPI, client: TestClient) -> None:
    def fail(kind: int) -> None:
        raise ERRORS[kind]("do this instead")

    app.add_api_route("/fails", fail)

    for kind, error in enumerate(ERRORS):
        answer = client.get("/fails", params={"kind": kind})

        assert answer.status_code == error.status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "do this instead"
        assert answer.json()["instance"] == "/fails"
        assert ("retry-after" in answer.headers) == (error.status == 503)


def test_an_unexpected_failure_shows_nothing_of_the_inside(app: FastAPI, client: TestClient) -> None:
    def fail() -> None:
        raise RuntimeError("secret-password at /home/someone/file.py")

    app.add_api_route("/fails", fail)

    answer = client.get("/fails")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "file.py" not in answer.text
