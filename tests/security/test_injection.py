"""What is text stays text: no parameter reaches SQL, a template, a path or a header."""

import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from autointerp.domain.keys import Scope
from autointerp.storage import explanations, runs
from autointerp.storage.engine import Database
from tests.api.seed import Seeded, seed
from tests.postgres import empty
from tests.security.conftest import NOTHING, SINGLE_USER, Service, Start

PAYLOADS = (
    "' OR '1'='1",
    "1; DROP TABLE runs; --",
    "x' UNION SELECT digest FROM keys --",
    "%",
    "{{ 123456789 * 987654321 }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}",
    "../../../../etc/passwd",
    "x\r\nX-Injected: yes",
    "\x00",
    "😀 ﷽ \u202e",
    "a" * 10_000,
)
SPECS: dict[str, Any] = {
    "/v1/harvests": {"subject": {"model": "m", "revision": "r"}, "saes": [{"path": "s"}], "corpus": {"kind": "stdlib"}},
    "/v1/runs": {"harvest": "HARVEST", "explainers": ["token_statistics"], "name": "n"},
    "/v1/runs/estimate": {"harvest": "HARVEST", "explainers": ["token_statistics"], "llm": "fake/m"},
    "/v1/comparisons": {"first": {"run_id": "r", "explainer": "e"}, "second": {"run_id": "r", "explainer": "f"}},
    "/v1/keys": {"name": "n", "scope": "read"},
    "/v1/endpoints/fake/probe": {"model": "m"},
}


@pytest.fixture(params=["sqlite", "postgresql"])
def seeded(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[tuple[Database, Seeded]]:
    """A seeded database of each kind."""
    if request.param == "sqlite":
        path = tmp_path / "seeded.db"
        shutil.copyfile(request.getfixturevalue("upgraded_sqlite"), path)
        url = f"sqlite:///{path}"
    else:
        empty(url := request.getfixturevalue("upgraded_postgres"))
    database = Database(url)
    yield database, seed(database)
    database.close()


@pytest.fixture
def service(seeded: tuple[Database, Seeded], start: Start) -> Service:
    """A server over the seeded database, which stops before that is closed."""
    return start(SINGLE_USER, database=seeded[0], reach=NOTHING)


def _counts(database: Database) -> tuple[int, int]:
    with database.read() as session:
        made = explanations.list_explanations(
            session, feature_id=None, harvest_id=None, run_id=None, after=None, limit=500
        )
        return len(runs.list_runs(session, state=None, after=None, limit=500)), len(made)


def test_no_parameter_of_a_reading_route_is_more_than_text(service: Service, seeded: tuple[Database, Seeded]) -> None:
    before, wrong = _counts(seeded[0]), []
    with service.client(service.key()) as caller:
        paths = caller.get("/openapi.json").json()["paths"]
        for path, operations in paths.items():
            if "get" not in operations:
                continue
            for payload in PAYLOADS:
                for url, query in _requests(path, operations["get"].get("parameters", []), payload):
                    answer = caller.get(url, params=query)
                    if answer.status_code >= 500 and path != "/ready":
                        wrong.append((url[:80], query, answer.status_code))
                    assert "121932631112635269" not in answer.text
                    assert "x-injected" not in answer.headers
                    assert "root:" not in answer.text

    assert wrong == []
    assert before == _counts(seeded[0])


def _requests(path: str, parameters: list[Any], payload: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The payload in every variable of the path, and in every text of the query, where none hides the others."""
    texts = {one["name"]: payload for one in parameters if _is_text(one)}
    if "{" in path:
        yield re.sub(r"{[^}]*}", quote(payload, safe=""), path), {}
    if texts:
        yield re.sub(r"{[^}]*}", "1", path), texts


def _is_text(parameter: dict[str, Any]) -> bool:
    schema = parameter["schema"]
    return (
        parameter["in"] == "query"
        and parameter["name"] != "cursor"
        and any(one.get("type") == "string" for one in (schema, *schema.get("anyOf", ())))
    )


def test_no_text_in_a_body_is_more_than_text(service: Service, seeded: tuple[Database, Seeded]) -> None:
    before, wrong = _counts(seeded[0]), []
    with service.client(service.key()) as caller:
        for path, spec in SPECS.items():
            for payload in PAYLOADS:
                for body in _with_payload(spec, payload):
                    answer = caller.post(path, json=_naming(body, seeded[1].harvest))
                    if answer.status_code >= 500 and answer.status_code != 502:  # a model that the endpoint has not
                        wrong.append((path, str(body)[:200], answer.text[:200]))
                    assert "121932631112635269" not in answer.text

    assert wrong == []
    assert _counts(seeded[0])[1] == before[1]


def _with_payload(spec: Any, payload: str) -> Iterator[Any]:
    """The spec with the payload in the place of each text in it, one after the other."""
    if isinstance(spec, str):
        yield payload
    elif isinstance(spec, dict):
        for key, value in spec.items():
            yield from ({**spec, key: changed} for changed in _with_payload(value, payload))
    elif isinstance(spec, list):
        for i, value in enumerate(spec):
            yield from ([*spec[:i], changed, *spec[i + 1 :]] for changed in _with_payload(value, payload))


def _naming(body: dict[str, Any], harvest: str) -> dict[str, Any]:
    return {**body, "harvest": harvest} if body.get("harvest") == "HARVEST" else body


def test_a_percent_sign_is_no_pattern(service: Service, seeded: tuple[Database, Seeded]) -> None:
    with service.client(service.key(Scope.READ)) as caller:
        answer = caller.get("/v1/features", params={"sae_id": seeded[1].sae, "text": "%"})
        found = caller.get("/v1/features", params={"sae_id": seeded[1].sae, "text": "%zzz%"}).json()["items"]

    assert answer.status_code == 422
    assert "no word" in answer.json()["detail"]
    assert found == []


def test_a_header_that_is_no_text_is_no_failure_of_ours(service: Service) -> None:
    with service.client(service.key()) as caller:
        for value in (b"\xff\xfe", b"' OR 1=1 --", b"\xc3\x28", b"k" * 201):
            answer = caller.post(
                "/v1/runs",
                json={"harvest": "none", "explainers": ["token_statistics"]},
                headers={"Idempotency-Key": value},
            )
            assert answer.status_code in (404, 409, 422)


@pytest.mark.parametrize(
    "path",
    ["/v1/runs/%ff%fe", "/v1/runs/%c0%ae%c0%ae", "/v1/models?cursor=%ff", "/%00", "/v1/%2e%2e/%2e%2e/etc/passwd"],
)
def test_an_address_that_is_no_text_is_no_failure_of_ours(service: Service, path: str) -> None:
    with service.client(service.key()) as caller:
        assert caller.get(path).status_code in (404, 422)
