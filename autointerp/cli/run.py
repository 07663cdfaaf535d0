"""`autointerp run`: explains and scores features as a TOML file says."""

from pathlib import Path
from typing import Annotated

import typer

from autointerp.cli import perform
from autointerp.cli.choice import Llm
from autointerp.cli.console import Json, Yes
from autointerp.cli.specfile import parse, read_run
from autointerp.domain.specs import Budget, RunSpec
from autointerp.errors import InvalidInput

Wait = Annotated[bool, typer.Option(help="Do the work here and wait, or leave it to other workers.")]


def run(
    spec: Annotated[Path | None, typer.Argument(help="A TOML file with the run's spec.")] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Take up this run instead.")] = None,
    llm: Llm = None,
    dollars: Annotated[float | None, typer.Option(min=0, help="What the run may spend in all.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="How many tokens it may use in all.")] = None,
    yes: Yes = False,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Carry out a run from a TOML file; the same file after an interruption goes on where it stopped."""
    if (spec is None) == (resume is None):
        raise InvalidInput("give either a spec file or --resume RUN")
    budget = None if dollars is None and tokens is None else Budget(dollars=dollars, tokens=tokens)
    if resume is not None:
        perform.resume(resume, budget=budget, wait=wait, as_json=as_json)
    elif spec is not None:
        chosen = read_run(spec)
        if llm is not None:
            chosen = parse(RunSpec, {**chosen.model_dump(), "llm": llm}, "--llm")
        if budget is not None:
            chosen = chosen.model_copy(update={"budget": budget})
        perform.perform(chosen, yes=yes, wait=wait, as_json=as_json)
