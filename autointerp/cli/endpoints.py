"""`autointerp endpoints`: the language-model servers, and what they can do."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from autointerp.api.schemas.endpoints import Endpoint, Finding, Probe
from autointerp.cli.choice import check_llm
from autointerp.cli.console import OUT, Json, print_json
from autointerp.cli.parts import at_desk
from autointerp.domain.capabilities import PROBE_REQUESTS

app = typer.Typer(help="List language-model servers and find out what they can do.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def list_endpoints(context: typer.Context, as_json: Json = False) -> None:
    """List the language-model servers that the settings name, with what is known of their models."""
    if context.invoked_subcommand is not None:
        return
    from autointerp.storage import endpoints

    with at_desk(working=False) as desk:
        with desk.database.read() as session:
            probes = endpoints.list_probes(session)
        found = [Endpoint.of(one, probes) for _, one in sorted(desk.endpoints.items())]
    if as_json:
        print_json(found)
    else:
        OUT.print(_endpoints(found))


@app.command("probe", help=f"Ask a model what it can do, by about {PROBE_REQUESTS} small requests that are paid for.")
def probe(
    model: Annotated[str, typer.Argument(metavar="ENDPOINT/MODEL", help="The model to ask.")], as_json: Json = False
) -> None:
    """Ask a model what it can do, and keep the answer."""
    from autointerp.runs import endpoint_of, probe_endpoint

    check_llm(model)
    endpoint, _, name = model.partition("/")
    with at_desk(working=False) as desk:
        found = Probe.of(probe_endpoint(desk, endpoint, name), endpoint_of(desk, endpoint))
    if as_json:
        print_json(found)
    else:
        OUT.print(_findings(found.findings))


def _endpoints(found: Sequence[Endpoint]) -> Table:
    table = Table("endpoint", "provider", "address", "key", "model", "can", "cannot", box=None, pad_edge=False)
    for one in found:
        where = (one.name, one.provider, one.address or "the provider's own", "set" if one.key else "none")
        if not one.probes:
            table.add_row(*where, "", "not probed", "")
        for place, known in enumerate(one.probes):
            table.add_row(*(where if place == 0 else ("",) * len(where)), known.model, *_sides(known))
    return table


def _sides(known: Probe) -> tuple[str, str]:
    """What a model can and cannot do; what is unknown stands in neither."""
    if not known.current:
        return "probed before its settings changed", ""
    can, cannot = (", ".join(one.capability for one in known.findings if one.has == has) for has in ("yes", "no"))
    return can, cannot


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table("capability", "", "because", box=None, pad_edge=False)
    for one in findings:
        table.add_row(one.capability, one.has, one.why)
    return table
