"""The OpenAPI document tells everything: examples that are valid, and every status that can come."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from autointerp.api.problems import MEDIA_TYPE, Problem
from autointerp.api.schemas import (
    agreement,
    comparisons,
    controls,
    endpoints,
    explanations,
    features,
    harvests,
    health,
    inquiries,
    keys,
    measures,
    models,
    plugins,
    runs,
    saes,
    scores,
    searches,
    summaries,
    trials,
)
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.storage.engine import Database
from tests.api.conftest import Queue, app_over

STREAMS = {"application/x-ndjson", "application/vnd.apache.parquet"}  # rows as in the pages of JSON
METHODS = ("get", "post", "put", "patch", "delete")
MODULES = (
    agreement,
    comparisons,
    controls,
    endpoints,
    explanations,
    features,
    harvests,
    health,
    inquiries,
    keys,
    measures,
    models,
    plugins,
    runs,
    saes,
    scores,
    searches,
    summaries,
    trials,
)
RECORDS = [
    found
    for module in MODULES
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, BaseModel) and "json_schema_extra" in found.model_config
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The application over a database that is not even made."""
    return app_over(Database(f"sqlite:///{tmp_path_factory.mktemp('openapi')}/none.db"), Queue())


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    """The document as a client reads it."""
    return TestClient(app).get("/openapi.json").json()


def _operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_every_route_is_in_the_document(document: dict[str, Any]) -> None:
    nouns = {path.split("/")[2] for path in document["paths"] if path.startswith("/v1/")}

    assert nouns == {
        "models",
        "saes",
        "harvests",
        "features",
        "explanations",
        "scores",
        "runs",
        "comparisons",
        "plugins",
        "endpoints",
        "keys",
        "journal",
        "activations",
        "tokens",
        "searches",
        "steering",
    }
    assert {"/health", "/ready"} <= set(document["paths"])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    missing = [ref for ref in _references(document) if ref.removeprefix("#/components/schemas/") not in schemas]
    assert missing == []


def test_every_operation_has_an_example_of_its_answer_and_of_its_body(document: dict[str, Any]) -> None:
    without: list[str] = []
    for name, operation in _operations(document).items():
        answers = [r for status, r in operation["responses"].items() if status.startswith("2")]
        told = [kind for r in answers for media, kind in r.get("content", {}).items() if media not in STREAMS]
        without += [name for kind in told if "example" not in kind]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        without += [f"{name} body"] if body is not None and "examples" not in body else []

    assert without == []


def test_every_operation_says_what_it_does_and_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    operations = _operations(document).values()

    assert all(operation["description"].endswith(".") for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(list(operations))


def test_every_failure_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for name, operation in _operations(document).items():
        failures = {status: r for status, r in operation["responses"].items() if status.startswith(("4", "5"))}
        assert {"422", "500", "503"} <= set(failures), name
        for response in failures.values():
            assert list(response["content"]) == [MEDIA_TYPE], name
            Problem.model_validate(response["content"][MEDIA_TYPE]["example"])


def test_an_operation_on_one_record_documents_that_it_may_be_missing(document: dict[str, Any]) -> None:
    one = {name: op for name, op in _operations(document).items() if "{" in name}

    assert {name for name, operation in one.items() if "404" not in operation["responses"]} == set()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_the_example_of_a_record_is_a_record(record: type[BaseModel]) -> None:
    extra = record.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    [example] = extra["examples"]

    record.model_validate(example)

    assert set(example) == set(record.model_fields)


def test_the_examples_of_bodies_are_specs() -> None:
    HarvestSpec.model_validate(harvests.SPEC_EXAMPLE)
    RunSpec.model_validate(runs.SPEC_EXAMPLE)
    keys.KeyWanted.model_validate(keys.WANTED_EXAMPLE)
    comparisons.ComparisonWanted.model_validate(comparisons.WANTED_EXAMPLE)


def test_the_document_is_made_once(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for item in value.values() for ref in _references(item)]
    if isinstance(value, list):
        return [ref for item in value for ref in _references(item)]
    return []
