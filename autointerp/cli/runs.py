"""`autointerp runs`: the runs there are, and what can be done with them from outside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from autointerp import runs as verbs
from autointerp.api.schemas.runs import Run, RunPage
from autointerp.cli import perform
from autointerp.cli.console import OUT, Json, print_json
from autointerp.cli.parts import at_desk, opened
from autointerp.cli.run import Wait
from autointerp.cli.specfile import read_extension
from autointerp.domain.specs import HIGHEST, Budget
from autointerp.runs import Desk
from autointerp.storage import runs
from autointerp.storage.records import RunRecord, RunState

app = typer.Typer(help="List runs, and pause, resume, cancel, retry or extend them.", rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
Dollars = Annotated[float | None, typer.Option(min=0, help="What the run may spend in all.")]
Tokens = Annotated[int | None, typer.Option(min=0, help="How many tokens it may use in all.")]


@app.command("list")
def list_runs(
    state: Annotated[RunState | None, typer.Option(help="Only runs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    with opened() as database, database.read() as session:
        found = [Run.of(one) for one in runs.list_runs(session, state=state, after=None, limit=limit)]
    if as_json:
        print_json(found)
    else:
        OUT.print(_table(found))


@app.command("show")
def show(run: Id, as_json: Json = False) -> None:
    """Show a run with its progress and what it found."""
    with at_desk(working=False) as desk:
        perform.show(desk, run, as_json=as_json)


@app.command("pause")
def pause(run: Id, as_json: Json = False) -> None:
    """Let a run rest until it is resumed; it keeps its place in the line."""
    with at_desk(working=False) as desk:
        _tell(desk, verbs.pause_run(desk, run), as_json)


@app.command("resume")
def resume(run: Id, dollars: Dollars = None, tokens: Tokens = None, wait: Wait = True, as_json: Json = False) -> None:
    """Take up a run that was paused or interrupted, or has ended with something missing."""
    budget = None if dollars is None and tokens is None else Budget(dollars=dollars, tokens=tokens)
    perform.resume(run, budget=budget, wait=wait, as_json=as_json)


@app.command("cancel")
def cancel(run: Id, as_json: Json = False) -> None:
    """Stop a run; what it has stored stays."""
    with at_desk(working=False) as desk:
        _tell(desk, verbs.cancel_run(desk, run), as_json)


@app.command("priority")
def priority(
    run: Id,
    number: Annotated[int, typer.Argument(min=-HIGHEST, max=HIGHEST, help="Higher ones are worked on first.")],
    as_json: Json = False,
) -> None:
    """Say before which other runs one is worked on."""
    with at_desk(working=False) as desk:
        _tell(desk, verbs.change_priority(desk, run, number), as_json)


@app.command("retry")
def retry(
    run: Id,
    feature: Annotated[list[int] | None, typer.Option(min=1, help="Only this one, by id. Repeat it.")] = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Try the failed features of a run again, also while it is under way."""
    with at_desk(working=wait) as desk:
        record = verbs.retry_run(desk, run, feature)
        perform.finish(desk, record, wait=wait, as_json=as_json)


@app.command("extend")
def extend(
    run: Id,
    more: Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file with features, explainers or scorers.")],
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Start a run that takes over all that a run has, and does what a TOML file asks for in addition."""
    extension = read_extension(more)
    with at_desk(working=wait) as desk:
        record = verbs.extend_run(desk, run, extension, idempotency_key=None)
        perform.finish(desk, record, wait=wait, as_json=as_json)


def _tell(desk: Desk, record: RunRecord, as_json: bool) -> None:
    with desk.database.read() as session:
        progress = runs.progress(session, record.id)
    page = RunPage.with_progress(record, progress, verbs.warnings_about(desk, record.spec))
    if as_json:
        print_json(page)
    else:
        perform.tell(page)


def _table(found: Sequence[Run]) -> Table:
    table = Table("run", "state", "priority", "made", "name", "extends", box=None, pad_edge=False)
    for one in found:
        made = f"{one.created_at:%Y-%m-%d %H:%M}"
        state = one.state.replace("_", " ")
        table.add_row(one.id, state, str(one.priority), made, one.name or "", one.extends or "")
    return table
