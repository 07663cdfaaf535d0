"""`autointerp export`: features with statistics, explanations and scores, one JSON object a line."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from autointerp.cli import results
from autointerp.cli.choice import Harvest, find_harvest, sae_id_of
from autointerp.cli.console import note
from autointerp.cli.parts import opened
from autointerp.errors import Unavailable
from autointerp.storage import runs


def export(
    harvest: Harvest = None,
    sae: Annotated[int | None, typer.Option(min=0, help="Only this SAE, by its position in the spec.")] = None,
    run: Annotated[str | None, typer.Option(help="Only what this run found.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout.")] = None,
) -> None:
    """Write features as JSON lines: of a run, or of a harvest with the newest explanations and all their scores."""
    count = 0
    with opened() as database, _open(out) as stream:
        if run is not None:
            with database.read() as session:
                record = runs.get(session, run)
            found = results.of_run(database, record)
        else:
            chosen = find_harvest(database, harvest)
            found = results.of_harvest(database, chosen.id, None if sae is None else sae_id_of(chosen, sae))
        for result in found:
            stream.write(result.model_dump_json() + "\n")
            count += 1
    note(f"{count} features written")


@contextmanager
def _open(out: Path | None) -> Generator[TextIO]:
    if out is None:
        yield typer.get_text_stream("stdout")
        return
    try:
        with out.open("w", encoding="utf-8") as stream:
            yield stream
    except OSError as error:
        raise Unavailable(f"cannot write {out}: {error.strerror}") from error
