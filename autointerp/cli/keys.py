"""`autointerp keys`: make, list and revoke the keys that the API asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from autointerp.api.schemas.keys import PER_MINUTE, Key, KeyWanted, NewKey
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.parts import opened
from autointerp.cli.specfile import OPTIONS, parse
from autointerp.domain.keys import Scope, new_token
from autointerp.storage import keys

app = typer.Typer(
    help="Make, list and revoke the keys that the API asks for.", no_args_is_help=True, rich_markup_mode=None
)
PAGE = 500


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for.")],
    scope: Annotated[Scope, typer.Option(help="admin may do what run may, and run what read may.")] = Scope.READ,
    days: Annotated[
        float | None, typer.Option(min=0.001, max=36_500, help="Days until it expires; never if not given.")
    ] = None,
    per_minute: Annotated[int, typer.Option(min=0, help="Requests a minute; 0: no limit.")] = PER_MINUTE,
    as_json: Json = False,
) -> None:
    """Make a key and print it: the one time that it is told. It needs no server."""
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    given = {"name": name, "scope": scope, "requests_per_minute": per_minute or None, "expires_at": ends}
    wanted, token = parse(KeyWanted, given, OPTIONS), new_token()
    with opened() as database, database.write() as session:
        made = NewKey.made(keys.create(session, token, **dict(wanted)), str(token))
    if as_json:
        print_json(made)
        return
    note(f"key {made.id} for {made.name}, scope {made.scope}; it is shown this once:")
    typer.echo(made.key)


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """List keys, also those that are revoked or have expired; never their secrets."""
    with opened() as database, database.read() as session:
        found = [Key.of(key) for key in keys.list_keys(session, after=None, limit=PAGE)]
    if as_json:
        print_json(found)
    else:
        OUT.print(_table(found))


@app.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `list` shows it.")]) -> None:
    """Let a key open nothing any more, from the next request on."""
    with opened() as database, database.write() as session:
        key = keys.revoke(session, key_id)
    note(f"the key {key.id} of {key.name} is revoked")


def _table(found: Sequence[Key]) -> Table:
    table = Table("key", "name", "scope", "a minute", "made", "expires", "last used", "", box=None, pad_edge=False)
    for key in found:
        limit = "no limit" if key.requests_per_minute is None else str(key.requests_per_minute)
        state = "" if key.valid else "revoked" if key.revoked_at is not None else "expired"
        moments = (_day(key.created_at), _day(key.expires_at), _day(key.last_used_at))
        table.add_row(key.id, key.name, key.scope, limit, *moments, state)
    return table


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
