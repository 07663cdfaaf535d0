"""The client's methods are those of the OpenAPI document."""

from pathlib import Path
from typing import Any

import pytest

from autointerp.client import AsyncClient, Client
from autointerp.clientgen.__main__ import FILES, document, main
from autointerp.clientgen.operations import operations
from autointerp.clientgen.spelling import spelled


def test_the_modules_are_what_the_document_says() -> None:
    main(["--check"])


def test_a_module_that_differs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autointerp.clientgen.__main__.HERE", tmp_path)
    for name in FILES:
        (tmp_path / name).write_text("")
    with pytest.raises(SystemExit, match="is not what the API says"):
        main(["--check"])


def test_every_operation_of_the_document_has_a_method() -> None:
    found = [(one.noun, one.name) for one in operations(document())]
    assert len(set(found)) == len(found)
    told = (one for methods in document()["paths"].values() for one in methods.values())
    records = [
        one for one in told if any("application/json" in r.get("content", {}) for r in one["responses"].values())
    ]
    assert len(found) == len(records)
    for client in (Client("http://nowhere"), AsyncClient("http://nowhere")):
        assert all(callable(getattr(getattr(client, noun), name)) for noun, name in found)


@pytest.mark.parametrize(
    ("schema", "annotation"),
    [
        ({"type": "string"}, "str"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Split"}}, "Sequence[Split]"),
        ({"enum": ["a", "b"]}, 'Literal["a", "b"]'),
        ({"const": "a"}, 'Literal["a"]'),
        ({"$ref": "#/components/schemas/Page_Run_"}, "Page[Run]"),
        ({"$ref": "#/components/schemas/RunSpec-Input"}, "RunSpec"),
        ({}, "Any"),
    ],
)
def test_a_schema_is_spelled_as_python(schema: dict[str, Any], annotation: str) -> None:
    assert spelled(schema) == annotation


def test_an_enumeration_may_be_given_by_its_values() -> None:
    named = {"Split": {"type": "string", "enum": ["explain", "score"]}}
    schema = {"type": "array", "items": {"$ref": "#/components/schemas/Split"}}
    assert spelled(schema, named) == 'Sequence[Split | Literal["explain", "score"]]'
