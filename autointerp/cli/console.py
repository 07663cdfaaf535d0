"""Where output goes: results to stdout, everything else to stderr."""

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

FILE_WIDTH = 140  # where there is no terminal that has a width

OUT = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
NOTES = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress stays on stderr.")]
Yes = Annotated[bool, typer.Option("--yes", help="Spend money without asking.")]


def print_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """Print one record or a list of records as JSON on stdout."""
    if isinstance(value, BaseModel):
        typer.echo(value.model_dump_json(indent=2))
    else:
        typer.echo(json.dumps([record.model_dump(mode="json") for record in value], indent=2, ensure_ascii=False))


def note(sentence: str) -> None:
    """Tell the user something that is not a result."""
    NOTES.print(sentence, markup=False, soft_wrap=True)


def program() -> str:
    """How this command can be called again: by its name where the shell finds it, else as it was called."""
    return "autointerp" if shutil.which("autointerp") else sys.argv[0]
