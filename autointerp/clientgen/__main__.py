"""Writes the client's methods from the OpenAPI document: `resources.py` blocking, `async_resources.py` for event loops.

python -m autointerp.clientgen            # write both
python -m autointerp.clientgen --check    # fail when one is not what the API's document says
"""

import argparse
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from autointerp import api
from autointerp.api import schemas
from autointerp.api.app import create_app
from autointerp.api.gate.access import Access, Limits, Mode
from autointerp.clientgen.operations import Operation, operations

HERE = Path(__file__).parent.parent / "client"
FILES = {"resources.py": False, "async_resources.py": True}
WAITS = ("runs", "harvests")  # these have more methods in waiting.py


def document() -> dict[str, Any]:
    """The OpenAPI document of this version."""
    access, limits = Access(Mode.SINGLE_USER, frozenset(), ()), Limits(body=0, seconds=0, depth=0)
    return create_app(cast(Any, None), cast(Any, None), access=access, limits=limits).openapi()


def source(*, waits: bool) -> str:
    """The module with a class for each noun; `waits`: for event loops."""
    found = sorted(operations(document()), key=lambda one: one.noun)
    nouns = list(dict.fromkeys(one.noun for one in found))
    prefix, connection = ("Async", "AsyncConnection") if waits else ("", "Connection")
    lines = [
        f'"""The {"asynchronous" if waits else "blocking"} client\'s methods; written by `autointerp.clientgen`."""',
        "",
        *_imports(found, prefix),
        "",
    ]
    for noun in nouns:
        base = f"{prefix}{noun.title()}Waiting" if noun in WAITS else f"{prefix}Resource"
        lines += ["", f"class {_class(noun, prefix)}({base}):", f'    """The calls about {noun}."""', ""]
        for one in found:
            if one.noun == noun:
                lines += _method(one, waits=waits)
    lines += ["", f"class {prefix}Resources:", '    """A client\'s nouns."""', ""]
    lines += [f"    def __init__(self, connection: {connection}) -> None:"]
    lines += [f"        self.{noun} = {_class(noun, prefix)}(connection)" for noun in nouns]
    return _formatted("\n".join(lines) + "\n")


def _imports(found: Sequence[Operation], prefix: str) -> Iterator[str]:
    yield from ("from collections.abc import Mapping, Sequence", "from datetime import datetime")
    yield "from typing import Any, Literal"
    yield "from autointerp.client.calls import Call"
    yield f"from autointerp.client.connection import {prefix}Connection"
    yield f"from autointerp.client.pages import {prefix}Pages"
    yield f"from autointerp.client.resource import {prefix}Resource"
    waiting = ", ".join(f"{prefix}{noun.title()}Waiting" for noun in WAITS)
    yield f"from autointerp.client.waiting import {waiting}"
    places = _classes()
    for name in sorted({name for one in found for name in one.refers}):
        yield f"from {places[name]} import {name}"


def _classes() -> dict[str, str]:
    """The module of every record and enumeration that the API's modules speak of."""
    found = {"Page": "autointerp.api.paging"}
    packages = [api, schemas]
    modules = [
        f"{package.__name__}.{one.name}" for package in packages for one in pkgutil.iter_modules(package.__path__)
    ]
    for module in map(importlib.import_module, [*modules, "autointerp.domain.specs"]):
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__.startswith("autointerp."):
                shown = value.__module__.startswith((schemas.__name__, "autointerp.domain.specs"))
                found[name] = value.__module__ if shown else found.get(name, value.__module__)
    return found


def _method(one: Operation, *, waits: bool) -> Iterator[str]:
    prefix, keyword, wait = ("Async", "async ", "await ") if waits else ("", "", "")
    taken = [p for p in one.parameters if p.place == "path"]
    named = [p for p in one.parameters if p.place != "path"]
    arguments = ["self", *(f"{p.name}: {p.annotation}" for p in taken)]
    if one.body is not None:
        arguments.append(f"body: {one.body}" if one.body_required else f"body: {one.body} | None = None")
    if named:
        arguments += ["*", *(f"{p.name}: {p.annotation}" + ("" if p.required else " = None") for p in named)]
    returns = f"{prefix}Pages[{one.paged}]" if one.paged else one.returns
    keyword, wait = ("", "") if one.paged else (keyword, wait)
    yield f"    {keyword}def {one.name}({', '.join(arguments)}) -> {returns}:"
    yield f'        """{one.summary}"""'
    call = f"Call({', '.join(_parts(one))})"
    yield (
        f"        return {prefix}Pages(self.connection, {call})"
        if one.paged
        else f"        return {wait}self.connection.make({call})"
    )
    yield ""


def _parts(one: Operation) -> Iterator[str]:
    yield f'"{one.method}"'
    inserted = {p.sent: p.name for p in one.parameters if p.place == "path"}
    path = one.path
    for sent, name in inserted.items():
        path = path.replace(f"{{{sent}}}", f"{{self.part({name})}}")
    yield f'f"{path}"' if inserted else f'"{path}"'
    yield one.returns
    for place, label in (("query", "query"), ("header", "headers")):
        if given := [p for p in one.parameters if p.place == place]:
            yield f"{label}={{{', '.join(f'{p.sent!r}: {p.name}' for p in given)}}}"
    if one.body is not None:
        yield "body=body"


def _class(noun: str, prefix: str) -> str:
    return f"{prefix}{noun.title()}Calls"


def _formatted(text: str) -> str:
    """The text as the project's formatter leaves it, with the imports in order and without those not needed."""
    for arguments in (["check", "--quiet", "--fix", "--select", "I,F401"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", str(HERE / "resources.py"), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the modules, or check them."""
    parser = argparse.ArgumentParser(prog="python -m autointerp.clientgen", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a module is not what the document says")
    check = parser.parse_args(arguments).check
    for name, text in _written():
        if not check:
            (HERE / name).write_text(text, encoding="utf-8")
        elif (HERE / name).read_text(encoding="utf-8") != text:
            sys.exit(f"autointerp/client/{name} is not what the API says: run python -m autointerp.clientgen")


def _written() -> Iterable[tuple[str, str]]:
    return ((name, source(waits=waits)) for name, waits in FILES.items())


if __name__ == "__main__":
    main()
