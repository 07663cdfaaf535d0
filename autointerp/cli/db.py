"""`autointerp db`: the database's version, and copies of it."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from autointerp import settings
from autointerp.cli.console import Json, note, print_json
from autointerp.errors import Conflict
from autointerp.storage import backup as copies
from autointerp.storage import migrate
from autointerp.storage.engine import Database

app = typer.Typer(no_args_is_help=True, help="Upgrade, check, copy and restore the database.", rich_markup_mode=None)
Url = Annotated[str | None, typer.Option("--url", help="Another database than the one in the settings.")]


class Version(BaseModel):
    """Where a database stands."""

    current: str | None
    head: str
    up_to_date: bool


@app.command()
def upgrade(url: Url = None, as_json: Json = False) -> None:
    """Bring the database to the newest version, making it where it is missing."""
    database = _open(url)
    try:
        migrate.upgrade(database)
    finally:
        database.close()
    _show(url, as_json)


@app.command()
def current(url: Url = None, as_json: Json = False) -> None:
    """Print the database's version."""
    _show(url, as_json)


@app.command()
def check() -> None:
    """Check that the migrations make exactly the tables that the code expects; needs no database."""
    differences = migrate.check()
    if differences:
        raise Conflict("the migrations do not match the tables: " + "; ".join(differences))
    typer.echo(f"migrations match the tables at {migrate.head()}")


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The new file.")], url: Url = None) -> None:
    """Copy a SQLite database to a file, while others go on working with it."""
    copies.back_up(_address(url), file)
    typer.echo(f"{file} holds the database as it was a moment ago ({file.stat().st_size / 2**20:,.1f} MiB)")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` made.")],
    url: Url = None,
    replace: Annotated[bool, typer.Option("--replace", help="Lose what the database holds now.")] = False,
) -> None:
    """Put a copy in the place of a SQLite database; stop workers and API first."""
    from autointerp.runs.restoring import forget_jobs, refuse_while_working, under_way

    address = _address(url)
    refuse_while_working(address, settings.load().worker.lease)
    copies.restore(address, file, replace=replace)
    database = Database(address)
    try:
        migrate.upgrade(database)
        forget_jobs(database)
        waiting = under_way(database)
    finally:
        database.close()
    typer.echo(f"the database is as it was in {file}, at version {migrate.head()}")
    for run_id in waiting:
        note(f"the run {run_id} was under way: autointerp run --resume {run_id}")


def _address(url: str | None) -> str:
    return url or settings.load().database_url


def _open(url: str | None) -> Database:
    return Database(_address(url))


def _show(url: str | None, as_json: bool) -> None:
    database = _open(url)
    try:
        found = Version(current=migrate.current(database), head=migrate.head(), up_to_date=migrate.is_current(database))
    finally:
        database.close()
    if as_json:
        print_json(found)
    else:
        state = "up to date" if found.up_to_date else f"behind {found.head}; run autointerp db upgrade"
        typer.echo(f"{found.current or 'empty'} ({state})")
