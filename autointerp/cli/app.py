"""The command `autointerp` and its sub-commands; a deliberate failure is one sentence and exit code 1."""

import signal
from typing import Any

import typer
from typer.core import TyperGroup

from autointerp import __version__
from autointerp.cli import (
    agreement,
    baseline,
    compare,
    db,
    demo,
    doctor,
    embed,
    endpoints,
    estimate,
    explain,
    export,
    features,
    harvest,
    importing,
    keys,
    run,
    runs,
    score,
    serve,
    show,
    summary,
    worker,
)
from autointerp.cli.console import note
from autointerp.errors import AutointerpError


class Commands(TyperGroup):
    """Sub-commands whose deliberate failures end in one sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the sub-command; failures and Ctrl-C become exit codes."""
        try:
            return super().invoke(ctx)
        except AutointerpError as error:
            note(f"autointerp: {error.detail}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            note("autointerp: interrupted; what is stored stays, and the same command goes on from there")
            raise typer.Exit(128 + signal.SIGINT) from None


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("estimate")(estimate.estimate)
app.command("harvest")(harvest.harvest)
app.command("baseline")(baseline.baseline)
app.command("explain")(explain.explain)
app.command("score")(score.score)
app.command("features")(features.list_features)
app.command("show")(show.show)
app.command("summary")(summary.summary)
app.command("compare")(compare.compare)
app.command("agreement")(agreement.agreement)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("embed")(embed.embed)
app.command("export")(export.export)
app.command("import")(importing.import_)
app.command("doctor")(doctor.doctor)
app.add_typer(endpoints.app, name="endpoints")
app.add_typer(runs.app, name="runs")
app.add_typer(keys.app, name="keys")
app.add_typer(db.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"autointerp {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Explain SAE features with language models, and measure how far each explanation can be trusted."""
