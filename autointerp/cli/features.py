"""`autointerp features`: lists features with filters."""

from typing import Annotated

import typer

from autointerp.api.schemas.features import Feature
from autointerp.cli.choice import Harvest, Sae, find_harvest, sae_id_of
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.parts import opened
from autointerp.cli.tables import features_table
from autointerp.storage import features
from autointerp.storage.records import FeatureFilter, FeatureOrder

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="List at most this many.")]


def list_features(
    harvest: Harvest = None,
    sae: Sae = 0,
    order: Annotated[FeatureOrder, typer.Option(help="By index, or from the largest value.")] = FeatureOrder.INDEX,
    limit: Limit = 20,
    min_density: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    max_density: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    min_firings: Annotated[int | None, typer.Option(min=0)] = None,
    text: Annotated[str | None, typer.Option(help="Only with all of these words in an explanation.")] = None,
    as_json: Json = False,
) -> None:
    """List the features of an SAE with what they fire on and promote."""
    with opened() as database:
        record = find_harvest(database, harvest)
        wanted = FeatureFilter(
            harvest_id=record.id,
            sae_id=sae_id_of(record, sae),
            min_density=min_density,
            max_density=max_density,
            min_firings=min_firings,
            text=text,
        )
        with database.read() as session:
            total = features.count_features(session, wanted)
            rows = features.list_features(session, wanted, order=order, after=None, limit=limit)
    found = [Feature.of(row) for row in rows]
    if as_json:
        print_json(found)
        return
    OUT.print(features_table(found))
    note(f"{len(found)} of {total} features; autointerp show ID shows one")
