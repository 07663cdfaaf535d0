"""A query parameter that an operation does not have is refused, and told with those that it has."""

import re

import pytest
from fastapi.testclient import TestClient

from tests.api.seed import Seeded


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/features?sae_id=1&limt=3", "no query parameter 'limt'; those here are .*limit"),
        ("/v1/scores?order=value", "no query parameter 'order'; those here are .*feature_id"),
        ("/v1/runs/{run}?verbose=1", "no query parameter 'verbose'"),
        ("/v1/runs/{run}/agreement?a=1", "no query parameter 'a'"),
    ],
)
def test_what_an_operation_does_not_have_is_refused(reader: TestClient, seeded: Seeded, path: str, told: str) -> None:
    answer = reader.get(path.format(run=seeded.run))

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.search(told, answer.json()["detail"])


def test_what_it_has_is_taken_of_any_method(reader: TestClient, seeded: Seeded) -> None:
    assert reader.get("/v1/features", params={"sae_id": seeded.sae, "limit": 3, "order": "score"}).status_code == 200
    assert reader.post("/v1/runs/nope/cancel", params={"force": 1}).status_code == 422
    assert reader.post("/v1/runs/nope/cancel").status_code == 404
