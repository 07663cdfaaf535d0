"""`autointerp doctor`: what is wrong with this installation, and what to do about it."""

from collections import Counter
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from autointerp.cli.console import OUT, Json, print_json

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor(
    ask: Annotated[
        bool, typer.Option("--ask", help="Send each language model that was probed one request, which is paid for.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check settings, disks, database, workers and language-model servers; exit code 1 when something failed."""
    from autointerp.doctor import Level, examine  # loads what the checks look at

    found = tuple(examine(ask=ask))
    if as_json:
        print_json(found)
    else:
        table = Table("check", "", "found", "to do", box=None, pad_edge=False)
        for one in found:
            table.add_row(one.check, Text(one.level, style=COLOURS[one.level]), Text(one.found), Text(one.todo or ""))
        OUT.print(table)
        counts = Counter(one.level for one in found)
        OUT.print(", ".join(f"{counts[level]} {level}" for level in Level), highlight=False)
    if any(one.level is Level.FAILED for one in found):
        raise typer.Exit(1)
