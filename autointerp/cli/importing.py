"""`autointerp import`: archives, Neuronpedia's files and delphi's result folders into the database."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from autointerp.cli.choice import find_harvest, sae_id_of
from autointerp.cli.console import note
from autointerp.cli.parts import opened
from autointerp.errors import InvalidInput
from autointerp.exchange import archive
from autointerp.exchange.delphi import inward as delphi
from autointerp.exchange.foundation import Imported, Target
from autointerp.exchange.neuronpedia import inward as neuronpedia
from autointerp.exchange.recognition import Origin, recognise
from autointerp.storage import saes
from autointerp.storage.engine import Database


def import_(
    path: Annotated[Path, typer.Argument(help="An archive, an export of Neuronpedia or a result folder of delphi.")],
    format: Annotated[Origin | None, typer.Option("--format", help="What it is; found out if not given.")] = None,
    harvest: Annotated[
        str | None, typer.Option(help="Add explanations and scores to this harvest, by the index of each feature.")
    ] = None,
    sae: Annotated[int, typer.Option(min=0, help="Which SAE of that harvest, by its position in the spec.")] = 0,
    hook: Annotated[str | None, typer.Option(help="Which hook point of a result folder of delphi.")] = None,
) -> None:
    """Store what others, or this program elsewhere, found; importing again adds only what is missing."""
    found = format or recognise(path)
    with opened() as database:
        target = None if harvest is None else _target(database, harvest, sae)
        if found is Origin.ARCHIVE:
            if target is not None:
                raise InvalidInput("an archive brings its own harvests; leave out --harvest")
            note(f"read {counted(archive.read(database, path))}")
        elif found is Origin.NEURONPEDIA:
            _tell(neuronpedia.read(database, path, target))
        else:
            _tell(delphi.read(database, path, target, hook=hook))


def _target(database: Database, harvest: str, position: int) -> Target:
    record = find_harvest(database, harvest)
    with database.read() as session:
        return Target(harvest=record.id, sae=saes.get(session, sae_id_of(record, position)).fingerprint)


def _tell(done: Imported) -> None:
    note(f"read {counted(done.stored)} into the harvest {done.harvest}")
    tell_lost(done.lost)


def tell_lost(lost: Mapping[str, int]) -> None:
    """Say what an import or export left out."""
    for reason, count in lost.items():
        note(f"left out: {reason} ({count})")


def counted(counts: Mapping[str, int]) -> str:
    """Counts in words, those of nothing left out."""
    return ", ".join(f"{count} {noun.replace('_', ' ')}" for noun, count in counts.items() if count) or "nothing"
