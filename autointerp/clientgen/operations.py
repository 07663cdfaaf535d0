"""What the OpenAPI document says of each operation, as a method of the client needs it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autointerp.clientgen.spelling import Schemas, names, record, spelled

# What changes the shape of an answer, and what the client sees to by itself.
LEFT_OUT = ("cursor", "fields", "format", "if-none-match")
SINGULARS = {"harvests": "harvest", "features": "feature", "saes": "sae"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a method takes: `name` in Python, `sent` as the API calls it, where it goes, and its type."""

    name: str
    sent: str
    place: str
    annotation: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One method: the noun it belongs to, its name, what it takes and the class it returns.

    `body` is the annotation of what is sent, None where nothing is. `refers` are the classes it speaks of.
    """

    noun: str
    name: str
    summary: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: str | None
    body_required: bool
    returns: str
    refers: frozenset[str]

    @property
    def paged(self) -> str | None:
        """The class of the rows of a list that comes in pages; None: it does not."""
        return self.returns[len("Page[") : -1] if self.returns.startswith("Page[") else None


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Every operation that answers with a JSON record; streams are read by whoever asks for them."""
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if (answer := _answer(told)) is not None:
                yield _operation(path, method, told, answer, document["components"]["schemas"])


def _operation(path: str, method: str, told: Mapping[str, Any], answer: Mapping[str, Any], named: Schemas) -> Operation:
    noun = "".join(filter(str.isidentifier, told.get("tags", ["service"])[0].lower()))
    wanted = told.get("requestBody")
    body = None if wanted is None else wanted["content"]["application/json"]["schema"]
    given = [one for one in told.get("parameters", ()) if one["name"] not in LEFT_OUT]
    return Operation(
        noun=noun,
        name=_method(told["operationId"].split("_v1_")[0].removesuffix(f"_{path.strip('/')}_{method}"), noun),
        summary=told["description"].split("\n")[0],
        method=method.upper(),
        path=path,
        parameters=tuple(_parameters(given, named)),
        body=None if body is None else _body(body),
        body_required=wanted is not None and wanted.get("required", False),
        returns=record(answer),
        refers=frozenset(
            name for schema in (answer, body or {}, *(one["schema"] for one in given)) for name in names(schema)
        ),
    )


def _answer(told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for status, response in told["responses"].items():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        if status.startswith("2") and "$ref" in schema:
            return schema
    return None


def _method(function: str, noun: str) -> str:
    """Of runs, `create_run` is `create` and `list_failures` `failures`; `get_feature_of_sae` is `get_of_sae`."""
    singular = SINGULARS.get(noun, noun.removesuffix("s"))
    verb, _, rest = function.partition("_")
    for own in (noun, singular):
        if rest in (own, f"for_{own}"):
            return verb
        if rest.startswith(f"{own}_"):
            return f"{verb}_{rest.removeprefix(own).lstrip('_')}"
    return rest if verb in ("get", "list") and rest else function


def _parameters(given: Sequence[Mapping[str, Any]], named: Schemas) -> Iterator[Parameter]:
    for one in sorted(given, key=lambda one: (one["in"] != "path", not one.get("required", False))):
        required = one.get("required", False)
        annotation = spelled(one["schema"], named)
        if not required and "None" not in annotation.split(" | "):
            annotation += " | None"
        yield Parameter(one["name"].lower().replace("-", "_"), one["name"], one["in"], annotation, required)


def _body(schema: Mapping[str, Any]) -> str:
    """A record may be given as it is or as a mapping, which the server checks."""
    parts = dict.fromkeys([*(one for one in spelled(schema).split(" | ") if one != "None"), "Mapping[str, Any]"])
    return " | ".join(parts)
