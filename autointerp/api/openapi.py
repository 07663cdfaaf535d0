"""The OpenAPI document: the examples of records become the examples of answers."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from autointerp.api.gate.scopes import SCOPES
from autointerp.api.problems import Problem, of_the_gate

REF = "#/components/schemas/"


def install(app: FastAPI) -> None:
    """Serve the document with every answer's example and the shape of problems in it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=REF + "{model}")
    schemas.update(problem.pop("$defs", {}), Problem=problem)
    _tell_of_keys(document)
    for content in _json_answers(document):
        found = _example(content.get("schema", {}), schemas)
        if found is not None:
            content.setdefault("example", found)
    return document


def _tell_of_keys(document: dict[str, Any]) -> None:
    """Name the scheme of keys, and for each operation its scope and what the gate may answer."""
    document["components"]["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "ai_ID_SECRET",
            "description": "An API key. A single-user server, which answers its own machine alone, asks for none.",
        }
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scope = SCOPES.get(f"{method.upper()} {path}")
            operation["security"] = [] if scope is None else [{"key": [str(scope)]}]
            refusals = of_the_gate(public=scope is None, body="requestBody" in operation)
            operation["responses"] = {**refusals, **operation["responses"]}


def _json_answers(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                if "application/json" in response.get("content", {}):
                    yield response["content"]["application/json"]


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """The example of a schema, or of a page of it."""
    named = schemas.get(str(schema.get("$ref", "")).removeprefix(REF), schema)
    if "examples" in named:
        return named["examples"][0]
    items = named.get("properties", {}).get("items", {}).get("items")
    if items is None:
        return None
    return {"items": [_example(items, schemas)], "next": "eyJhZnRlciI6NDEyfQ"}
