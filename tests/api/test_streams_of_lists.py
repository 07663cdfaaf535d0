"""Lists are streamed whole, as NDJSON or Parquet, row for row what the pages hold."""

import gzip
import http.client
import io
import json
import threading
from collections.abc import Generator
from typing import Any

import pyarrow.parquet as pq
import pytest
import uvicorn
from fastapi.testclient import TestClient

from autointerp.api import listing
from autointerp.storage.engine import Database
from autointerp.storage.tables.scores import ScoreTable
from tests.api.conftest import Queue, app_over
from tests.api.seed import FEATURES, Seeded, seed

NDJSON = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"


def _lists(seeded: Seeded) -> dict[str, dict[str, Any]]:
    return {
        "/v1/features": {"sae_id": seeded.sae, "order": "density", "min_firings": 10},
        "/v1/explanations": {"run_id": seeded.run},
        "/v1/scores": {"run_id": seeded.run},
        f"/v1/runs/{seeded.run}/trials": {},
    }


def _paged(reader: TestClient, path: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = reader.get(path, params={**params, "limit": 3}).raise_for_status().json()
    found += page["items"]
    while page["next"]:
        page = reader.get(path, params={**params, "limit": 3, "cursor": page["next"]}).raise_for_status().json()
        found += page["items"]
    return found


@pytest.fixture(params=[2, 1_000], ids=["small batches", "one batch"])
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many rows a stream reads at a time."""
    monkeypatch.setattr(listing, "BATCH", request.param)
    return request.param


def test_an_ndjson_stream_holds_what_the_pages_hold(reader: TestClient, seeded: Seeded, batch: int) -> None:
    for path, params in _lists(seeded).items():
        answer = reader.get(path, params=params, headers={"Accept": NDJSON})

        rows = [json.loads(line) for line in answer.text.splitlines()]
        assert answer.headers["content-type"] == NDJSON
        assert rows == _paged(reader, path, params)
        assert len(rows) > 1


def test_a_parquet_stream_holds_what_the_pages_hold(reader: TestClient, seeded: Seeded, batch: int) -> None:
    for path, params in _lists(seeded).items():
        answer = reader.get(path, params={**params, "format": "parquet"})

        rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
        paged = _paged(reader, path, params)
        assert answer.headers["content-type"] == PARQUET
        assert [list(row) for row in rows] == [list(row) for row in paged]
        for row, shown in zip(rows, paged, strict=True):
            assert {k: v for k, v in row.items() if k in PLAIN} == {k: v for k, v in shown.items() if k in PLAIN}


PLAIN = ("id", "index", "density", "top_tokens", "text", "shown", "value", "interval", "breakdown", "truth", "verdict")


def test_trials_of_a_run_are_those_of_its_scores(reader: TestClient, seeded: Seeded) -> None:
    streamed = [json.loads(x) for x in reader.get(f"/v1/runs/{seeded.run}/trials?format=ndjson").text.splitlines()]

    for score_id in seeded.scores:
        own = [
            {k: v for k, v in row.items() if k in ("group", "truth", "verdict", "note")}
            for row in streamed
            if row["score_id"] == score_id
        ]
        alone = reader.get(f"/v1/scores/{score_id}/trials").json()["items"]
        assert own == [{k: v for k, v in row.items() if k in ("group", "truth", "verdict", "note")} for row in alone]


def test_trials_of_no_run_are_not_found(reader: TestClient) -> None:
    assert reader.get("/v1/runs/none/trials", params={"format": "ndjson"}).status_code == 404


@pytest.mark.parametrize("after", ["x", "1", "1.-2", "9" * 30 + ".1"])
def test_a_made_up_place_among_trials_is_refused(reader: TestClient, seeded: Seeded, after: str) -> None:
    import base64

    path = f"/v1/runs/{seeded.run}/trials"
    following = reader.get(path, params={"limit": 1}).json()["next"]
    content = json.loads(base64.urlsafe_b64decode(following + "=" * (-len(following) % 4)))
    cursor = base64.urlsafe_b64encode(json.dumps({**content, "after": after}).encode()).decode().rstrip("=")

    assert reader.get(path, params={"cursor": cursor}).status_code == 422


def test_an_empty_list_is_an_empty_stream(reader: TestClient, seeded: Seeded) -> None:
    params = {"sae_id": seeded.sae, "min_firings": 10**6}

    assert reader.get("/v1/features", params={**params, "format": "ndjson"}).text == ""
    table = pq.read_table(io.BytesIO(reader.get("/v1/features", params={**params, "format": "parquet"}).content))
    assert (table.num_rows, table.column_names[0]) == (0, "id")


def test_a_stream_has_only_the_fields_asked_for(reader: TestClient, seeded: Seeded) -> None:
    params = {"sae_id": seeded.sae, "fields": "density,id"}

    first = json.loads(reader.get("/v1/features", params={**params, "format": "ndjson"}).text.splitlines()[0])
    table = pq.read_table(io.BytesIO(reader.get("/v1/features", params={**params, "format": "parquet"}).content))

    assert list(first) == ["id", "density"]
    assert table.column_names == ["id", "density"]


@pytest.mark.parametrize("extra", [{"limit": 5}, {"cursor": "x"}, {"fields": "nothing"}, {"harvest_id": "none"}])
def test_what_a_stream_cannot_do_is_refused_before_it_begins(
    reader: TestClient, seeded: Seeded, extra: dict[str, Any]
) -> None:
    answer = reader.get("/v1/features", params={"sae_id": seeded.sae, "format": "ndjson", **extra})

    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("accept", "sent"),
    [
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/*", "application/json"),
        (f"{NDJSON}, application/json;q=0.5", NDJSON),
        (f"{NDJSON};q=0.2, {PARQUET};q=0.9", PARQUET),
        (f"application/json;q=0, {NDJSON};q=x, */*;q=0.1", PARQUET),
        ("image/png", "application/json"),
    ],
)
def test_the_format_that_accept_likes_best_is_sent(reader: TestClient, seeded: Seeded, accept: str, sent: str) -> None:
    answer = reader.get("/v1/scores", headers={"Accept": accept})

    assert answer.headers["content-type"] == sent


def test_json_and_ndjson_are_compressed_and_parquet_is_not(reader: TestClient, seeded: Seeded) -> None:
    params = {"sae_id": seeded.sae}

    encodings = {
        kind: reader.get("/v1/features", params={**params, "format": kind}).headers.get("content-encoding")
        for kind in ("json", "ndjson", "parquet")
    }

    assert encodings == {"json": "gzip", "ndjson": "gzip", "parquet": None}


@pytest.fixture
def served(database: Database) -> Generator[tuple[int, Seeded]]:
    """A real server over a database in which the trials of the last score are damaged."""
    seeded = seed(database)
    with database.write() as session:
        session.sql.get_one(ScoreTable, seeded.scores[-1]).trials = b"damaged"
    config = uvicorn.Config(app_over(database, Queue()), port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield server.servers[0].sockets[0].getsockname()[1], seeded
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_stream_that_fails_in_the_middle_is_broken_off(
    served: tuple[int, Seeded], monkeypatch: pytest.MonkeyPatch, kind: str, encoding: str
) -> None:
    port, seeded = served
    monkeypatch.setattr(listing, "BATCH", 1)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/v1/runs/{seeded.run}/trials?format={kind}", headers={"Accept-Encoding": encoding})
    answer = connection.getresponse()

    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()

    assert answer.status == 200
    if (kind, encoding) == ("ndjson", "identity"):
        *rows, last = [json.loads(line) for line in broken.value.partial.splitlines()]
        assert len(rows) == 2
        assert "damaged" in last["error"]
    if (kind, encoding) == ("ndjson", "gzip"):
        with pytest.raises(EOFError):
            gzip.decompress(broken.value.partial)
    connection.close()


def test_the_streams_are_in_the_document(reader: TestClient) -> None:
    document = reader.get("/openapi.json").json()

    for path in ("/v1/features", "/v1/explanations", "/v1/scores", "/v1/runs/{run_id}/trials"):
        operation = document["paths"][path]["get"]
        assert set(operation["responses"]["200"]["content"]) == {"application/json", NDJSON, PARQUET}
        assert "format" in {parameter["name"] for parameter in operation["parameters"]}
    assert FEATURES > 3
