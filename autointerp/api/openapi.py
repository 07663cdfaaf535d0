"""The OpenAPI document: the examples of records become the examples of answers."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from autointerp.api.problems import Problem

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
    for content in _json_answers(document):
        found = _example(content.get("schema", {}), schemas)
        if found is not None:
            content.setdefault("example", found)
    return document


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
