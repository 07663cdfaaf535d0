"""`autointerp score`: scores the newest explanations of features of a harvest."""

from typing import Annotated

import typer

from autointerp.cli import perform
from autointerp.cli.choice import (
    Dollars,
    Harvest,
    Indices,
    Llm,
    Sae,
    Sample,
    Seed,
    find_harvest,
    read_scorer,
    select_features,
)
from autointerp.cli.console import Json, Yes
from autointerp.cli.parts import opened
from autointerp.cli.run import Wait
from autointerp.cli.specfile import OPTIONS, parse
from autointerp.domain.specs import RunSpec


def score(
    harvest: Harvest = None,
    sae: Sae = 0,
    features: Indices = None,
    sample: Sample = None,
    min_firings: Annotated[int | None, typer.Option(min=0, help="Leave out features that fire less often.")] = None,
    scorer: Annotated[list[str] | None, typer.Option(help="SCORER:JUDGE by name. Repeat it for several.")] = None,
    llm: Llm = None,
    max_dollars: Dollars = None,
    seed: Seed = 0,
    yes: Yes = False,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Score the newest explanation of each feature by each explainer."""
    with opened() as database:
        record = find_harvest(database, harvest)
    judge = "llm" if llm else "lexical"
    content = {
        "harvest": record.id,
        "features": select_features(sae, features, sample, min_firings),
        "scorers": [read_scorer(name) for name in scorer or [f"detection:{judge}", f"fuzzing:{judge}"]],
        "llm": llm,
        "budget": {"dollars": max_dollars},
        "seed": seed,
    }
    perform.perform(parse(RunSpec, content, OPTIONS), yes=yes, wait=wait, as_json=as_json)
