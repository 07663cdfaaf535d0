"""`autointerp db`: the database's version."""

from typing import Annotated

import typer
from pydantic import BaseModel

from autointerp import settings
from autointerp.cli.console import Json, print_json
from autointerp.errors import Conflict
from autointerp.storage import migrate
from autointerp.storage.engine import Database

app = typer.Typer(no_args_is_help=True, help="Upgrade and check the database.", rich_markup_mode=None)
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


def _open(url: str | None) -> Database:
    return Database(url or settings.load().database_url)


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
