"""Types of the OpenAPI document, spelled as Python."""

from collections.abc import Iterator, Mapping
from typing import Any

REF = "#/components/schemas/"
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "Mapping[str, Any]"}


Schemas = Mapping[str, Mapping[str, Any]]


def spelled(schema: Mapping[str, Any], named: Schemas | None = None) -> str:
    """A JSON schema as an annotation; names of records stand for their classes.

    `named` are the document's schemas: with them, an enumeration may be given by its values too.
    """
    if "$ref" in schema:
        values = (named or {}).get(str(schema["$ref"]).removeprefix(REF), {})
        return f"{record(schema)} | {spelled(values)}" if "enum" in values else record(schema)
    if "const" in schema:
        return f"Literal[{quoted(schema['const'])}]"
    if "enum" in schema:
        return f"Literal[{', '.join(quoted(value) for value in schema['enum'])}]"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(spelled(option, named) for option in options))
    match schema.get("type"):
        case "null":
            return "None"
        case "array":
            return f"Sequence[{spelled(schema.get('items', {}), named)}]"
        case "string" if schema.get("format") == "date-time":
            return "datetime"
        case kind:
            return PLAIN.get(str(kind), "Any")


def record(schema: Mapping[str, Any]) -> str:
    """The class that a reference names: `Page_Run_` is `Page[Run]`, and `RunSpec-Input` is RunSpec."""
    name = str(schema["$ref"]).removeprefix(REF).split("-")[0]
    outer, _, inner = name.partition("_")
    return f"{outer}[{inner.rstrip('_')}]" if inner else outer


def names(schema: Mapping[str, Any]) -> Iterator[str]:
    """The classes that a schema refers to by itself."""
    if "$ref" in schema:
        yield from record(schema).rstrip("]").split("[")
    inner = [schema["items"]] if "items" in schema else []
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *inner):
        yield from names(option)


def quoted(value: object) -> str:
    """A value as it stands in the source."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
