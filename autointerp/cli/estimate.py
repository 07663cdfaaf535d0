"""`autointerp estimate`: what a run is likely to cost, before anything is spent."""

from pathlib import Path
from typing import Annotated

import typer

from autointerp import runs
from autointerp.api.schemas.estimates import Estimate
from autointerp.cli.choice import Llm
from autointerp.cli.console import OUT, Json, print_json
from autointerp.cli.parts import at_desk
from autointerp.cli.specfile import parse, read_run
from autointerp.cli.tables import estimate_table
from autointerp.domain.specs import RunSpec


def estimate(
    spec: Annotated[Path, typer.Argument(help="A TOML file with the run's spec.")],
    llm: Llm = None,
    as_json: Json = False,
) -> None:
    """Tell what a run is likely to ask of language models and to cost; its harvest must be finished."""
    chosen = read_run(spec)
    if llm is not None:
        chosen = parse(RunSpec, {**chosen.model_dump(), "llm": llm}, "--llm")
    with at_desk(working=False) as desk:
        found = Estimate.of(runs.estimate(desk, chosen))
    if as_json:
        print_json(found)
    else:
        OUT.print(estimate_table(found))
