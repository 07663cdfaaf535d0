"""`autointerp export`: results line by line, archives of everything, and the files of Neuronpedia and delphi."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer

from autointerp.cli import results
from autointerp.cli.choice import Harvest, find_harvest, sae_id_of
from autointerp.cli.console import note
from autointerp.cli.importing import counted, tell_lost
from autointerp.cli.parts import opened
from autointerp.errors import InvalidInput, Unavailable
from autointerp.exchange import archive
from autointerp.exchange.delphi import outward as delphi
from autointerp.exchange.neuronpedia import outward as neuronpedia
from autointerp.storage import runs
from autointerp.storage.engine import Database


class Format(StrEnum):
    """What can be written."""

    RESULTS = "results"
    JSONL = "jsonl"
    PARQUET = "parquet"
    NEURONPEDIA = "neuronpedia"
    NEURONPEDIA_FEATURE = "neuronpedia-feature"
    DELPHI = "delphi"


def export(
    format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="results: a feature a line, with explanations and scores. jsonl, parquet: everything, as a folder to "
            "import. neuronpedia, delphi: their folders. neuronpedia-feature: their JSON of one feature.",
        ),
    ] = Format.RESULTS,
    harvest: Harvest = None,
    sae: Annotated[int | None, typer.Option(min=0, help="Only this SAE, by its position in the spec.")] = None,
    run: Annotated[str | None, typer.Option(help="Only what this run found (results).")] = None,
    index: Annotated[int | None, typer.Option(min=0, help="Which feature (neuronpedia-feature).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file or folder to write; results go to stdout if not given.")
    ] = None,
) -> None:
    """Write results, archives of everything, or the files of Neuronpedia and delphi."""
    if run is not None and format is not Format.RESULTS:
        raise InvalidInput("--run is for --format results; other formats take a harvest")
    with opened() as database:
        if format is Format.RESULTS:
            _results(database, harvest, sae, run, out)
        elif out is None:
            raise InvalidInput(f"name what to write with --out; {format} is no stream of lines")
        elif format is Format.JSONL or format is Format.PARQUET:
            _archive(database, harvest, out, "jsonl" if format is Format.JSONL else "parquet")
        else:
            _others(database, format, harvest, sae or 0, index, out)


def _results(database: Database, harvest: str | None, sae: int | None, run: str | None, out: Path | None) -> None:
    """A run, or a harvest with the newest explanations and all their scores."""
    count = 0
    with _open(out) as stream:
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


def _archive(database: Database, harvest: str | None, out: Path, kind: Literal["jsonl", "parquet"]) -> None:
    harvest_id = None if harvest is None else find_harvest(database, harvest).id
    with _folder(out) as folder:
        rows = archive.write(database, folder, kind=kind, harvest_id=harvest_id)
    note(f"wrote {counted(rows)} to {out}")


def _others(database: Database, format: Format, harvest: str | None, sae: int, index: int | None, out: Path) -> None:
    record = find_harvest(database, harvest)
    sae_id = sae_id_of(record, sae)
    if format is Format.NEURONPEDIA_FEATURE:
        if index is None:
            raise InvalidInput("name the feature with --index")
        with _writing(out):
            lost = neuronpedia.write_one(database, out, record.id, sae_id, index)
        note(f"wrote feature {index} to {out}")
    else:
        write = neuronpedia.write if format is Format.NEURONPEDIA else delphi.write
        with _folder(out) as folder:
            counts, lost = write(database, folder, record.id, sae_id)
        note(f"wrote {counted(counts)} to {out}")
    tell_lost(lost)


@contextmanager
def _folder(out: Path) -> Generator[Path]:
    """A folder under another name, which gets its own when everything is in it."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInput(f"{out} is there already; name a folder that is not, or an empty one")
    partial = out.with_name(f"{out.name}.partial")
    with _writing(out):
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        yield partial
        partial.replace(out)


@contextmanager
def _open(out: Path | None) -> Generator[TextIO]:
    if out is None:
        yield typer.get_text_stream("stdout")
        return
    with _writing(out), out.open("w", encoding="utf-8") as stream:
        yield stream


@contextmanager
def _writing(out: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot write {out}: {error.strerror}") from error
