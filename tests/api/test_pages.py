"""Lists are read page by page, every row once, and a cursor fits only its own list."""

import base64
import json

import pytest
from fastapi.testclient import TestClient

from autointerp.storage.engine import Database
from tests.api.seed import FEATURES, Seeded, seed


@pytest.mark.parametrize("limit", [1, 5, FEATURES, 50])
@pytest.mark.parametrize("order", ["index", "density", "max", "score"])
def test_pages_hold_every_row_once(reader: TestClient, seeded: Seeded, limit: int, order: str) -> None:
    params = {"sae_id": str(seeded.sae), "order": order, "limit": str(limit)}

    found: list[int] = []
    page = reader.get("/v1/features", params=params).json()
    while True:
        found += [feature["index"] for feature in page["items"]]
        assert 0 < len(page["items"]) <= limit
        if page["next"] is None:
            break
        page = reader.get("/v1/features", params={**params, "cursor": page["next"]}).json()

    assert sorted(found) == list(range(FEATURES))
    if order == "max":
        assert found == list(reversed(range(FEATURES)))


@pytest.mark.parametrize("path", ["/v1/runs", "/v1/harvests", "/v1/explanations", "/v1/scores"])
def test_other_lists_are_read_the_same_way(reader: TestClient, seeded: Seeded, path: str) -> None:
    whole = reader.get(path).json()["items"]

    first = reader.get(path, params={"limit": 1}).json()
    second = reader.get(path, params={"limit": 1, "cursor": first["next"]}).json()

    assert first["items"] + second["items"] == whole
    assert second["next"] is None


def test_the_link_header_leads_to_the_next_page_with_the_same_filters(reader: TestClient, seeded: Seeded) -> None:
    first = reader.get("/v1/features", params={"sae_id": seeded.sae, "min_firings": 50, "limit": 3})

    link = first.headers["link"]
    assert link.endswith('>; rel="next"')
    second = reader.get(link.removeprefix("<").partition(">")[0]).json()
    assert [feature["index"] for feature in second["items"]] == [8, 9, 10]


def test_the_last_page_has_no_link(reader: TestClient, seeded: Seeded) -> None:
    page = reader.get("/v1/features", params={"sae_id": seeded.sae})

    assert page.json()["next"] is None
    assert "link" not in page.headers


def test_rows_added_meanwhile_neither_repeat_nor_hide_a_row(client: TestClient, database: Database) -> None:
    seed(database)
    before = [run["id"] for run in client.get("/v1/runs").json()["items"]]

    first = client.get("/v1/runs", params={"limit": 1}).json()
    client.post("/v1/runs", json=client.get(f"/v1/runs/{before[0]}").json()["spec"])
    second = client.get("/v1/runs", params={"limit": 1, "cursor": first["next"]}).json()

    assert [run["id"] for page in (first, second) for run in page["items"]] == before


def _cursor(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "nonsense", "!!!!", "é", _cursor([]), _cursor({"after": 1}), _cursor({"after": 1, "of": "x"}), _cursor(3)],
)
def test_a_bad_cursor_is_refused(reader: TestClient, seeded: Seeded, cursor: str) -> None:
    answer = reader.get("/v1/models", params={"cursor": cursor})

    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]


def test_a_cursor_is_refused_by_another_list_and_with_other_filters(reader: TestClient, seeded: Seeded) -> None:
    cursor = reader.get("/v1/explanations", params={"limit": 1}).json()["next"]

    other_list = reader.get("/v1/scores", params={"limit": 1, "cursor": cursor})
    other_filter = reader.get("/v1/explanations", params={"run_id": seeded.run, "cursor": cursor})

    assert (other_list.status_code, other_filter.status_code) == (422, 422)
    assert "another list" in other_filter.json()["detail"]


@pytest.mark.parametrize("after", [True, "x", 1.5, [1], {"a": 1}, 2**70])
def test_a_cursor_made_by_hand_with_a_wrong_key_is_refused(reader: TestClient, seeded: Seeded, after: object) -> None:
    real = reader.get("/v1/explanations", params={"limit": 1}).json()["next"]
    content = json.loads(base64.urlsafe_b64decode(real + "=" * (-len(real) % 4)))

    answer = reader.get("/v1/explanations", params={"cursor": _cursor({**content, "after": after})})

    assert answer.status_code == 422


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many"])
def test_a_page_has_between_one_and_five_hundred_rows(reader: TestClient, seeded: Seeded, limit: str) -> None:
    assert reader.get("/v1/models", params={"limit": limit}).status_code == 422
