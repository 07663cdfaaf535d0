"""Answers are cut down to the fields asked for, and not sent again to who has them."""

import pytest
from fastapi.testclient import TestClient

from tests.api.seed import Seeded

NOUNS = ("models", "saes", "harvests", "features", "explanations", "scores", "runs")


def _one(noun: str, seeded: Seeded) -> str:
    ids = {
        "models": seeded.model,
        "saes": seeded.sae,
        "harvests": seeded.harvest,
        "features": seeded.features[4],
        "explanations": seeded.explanations[0],
        "scores": seeded.scores[0],
        "runs": seeded.run,
    }
    return f"/v1/{noun}/{ids[noun]}"


@pytest.mark.parametrize("noun", NOUNS)
def test_a_list_and_a_record_have_only_the_fields_asked_for(reader: TestClient, seeded: Seeded, noun: str) -> None:
    params = {"sae_id": seeded.sae} if noun == "features" else {}
    whole = reader.get(f"/v1/{noun}", params=params).json()
    names = [*whole["items"][0]][:2]

    cut = reader.get(f"/v1/{noun}", params={**params, "fields": ", ".join(reversed(names))}).json()
    record = reader.get(_one(noun, seeded), params={"fields": names[0]}).json()

    assert cut == {"items": [{name: item[name] for name in names} for item in whole["items"]], "next": whole["next"]}
    assert list(record) == [names[0]]


def test_a_page_that_is_cut_leads_to_the_next_one(reader: TestClient, seeded: Seeded) -> None:
    first = reader.get("/v1/features", params={"sae_id": seeded.sae, "limit": 2, "fields": "index"})
    second = reader.get("/v1/features", params={"sae_id": seeded.sae, "limit": 2, "cursor": first.json()["next"]})

    assert "fields=index" in first.headers["link"]
    assert [row["index"] for row in second.json()["items"]] == [2, 3]


@pytest.mark.parametrize("fields", ["colour", "id,colour", "", ","])
def test_a_field_that_is_not_there_is_refused_with_those_that_are(
    reader: TestClient, seeded: Seeded, fields: str
) -> None:
    answer = reader.get(_one("scores", seeded), params={"fields": fields})

    assert answer.status_code == 422
    assert "explanation_id" in answer.json()["detail"]


@pytest.mark.parametrize("noun", NOUNS)
def test_an_answer_that_is_the_same_is_not_sent_again(reader: TestClient, seeded: Seeded, noun: str) -> None:
    first = reader.get(_one(noun, seeded))

    again = reader.get(_one(noun, seeded), headers={"If-None-Match": f'"other", {first.headers["etag"]}'})

    assert first.headers["etag"].startswith('W/"')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]


def test_other_fields_are_another_answer(reader: TestClient, seeded: Seeded) -> None:
    whole = reader.get(_one("scores", seeded))

    part = reader.get(_one("scores", seeded), params={"fields": "id"}, headers={"If-None-Match": whole.headers["etag"]})

    assert part.status_code == 200


def test_only_what_never_changes_is_used_without_asking(reader: TestClient, seeded: Seeded) -> None:
    feature = _one("features", seeded)
    kept = {
        path: "max-age" in reader.get(path).headers["cache-control"]
        for path in (
            _one("explanations", seeded),
            _one("scores", seeded),
            _one("scores", seeded) + "/trials",
            _one("saes", seeded),
            f"{feature}?harvest_id={seeded.harvest}",
            feature,
            _one("runs", seeded),
            "/v1/scores",
        )
    }

    assert list(kept.values()) == [True] * 5 + [False] * 3


def test_a_failure_has_no_tag(reader: TestClient) -> None:
    answer = reader.get("/v1/scores/999999")

    assert answer.status_code == 404
    assert "etag" not in answer.headers
    assert "cache-control" not in answer.headers


def test_fields_and_tags_are_in_the_document(reader: TestClient) -> None:
    paths = reader.get("/openapi.json").json()["paths"]

    for noun in NOUNS:
        operation = paths[f"/v1/{noun}"]["get"]
        names = [parameter["name"] for parameter in operation["parameters"]]
        assert names.count("fields") == names.count("if-none-match") == 1
        assert "304" in operation["responses"]
        assert "ETag" in operation["responses"]["200"]["headers"]
