"""`autointerp explain`: explains features of a harvest."""

from typing import Annotated

import typer

from autointerp.cli import perform
from autointerp.cli.choice import Dollars, Harvest, Indices, Llm, Sae, Sample, Seed, find_harvest, select_features
from autointerp.cli.console import Json, Yes
from autointerp.cli.parts import opened
from autointerp.cli.run import Wait
from autointerp.cli.specfile import OPTIONS, parse
from autointerp.domain.specs import RunSpec


def explain(
    harvest: Harvest = None,
    sae: Sae = 0,
    features: Indices = None,
    sample: Sample = None,
    min_firings: Annotated[int | None, typer.Option(min=0, help="Leave out features that fire less often.")] = None,
    explainer: Annotated[list[str] | None, typer.Option(help="An explainer by name. Repeat it for several.")] = None,
    llm: Llm = None,
    max_dollars: Dollars = None,
    seed: Seed = 0,
    yes: Yes = False,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Explain features; without an LLM by what the tokens they fire on have in common."""
    with opened() as database:
        record = find_harvest(database, harvest)
    content = {
        "harvest": record.id,
        "features": select_features(sae, features, sample, min_firings),
        "explainers": explainer or ["default" if llm else "token_statistics"],
        "llm": llm,
        "budget": {"dollars": max_dollars},
        "seed": seed,
    }
    perform.perform(parse(RunSpec, content, OPTIONS), yes=yes, wait=wait, as_json=as_json)
