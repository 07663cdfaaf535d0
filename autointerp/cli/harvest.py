"""`autointerp harvest`: reads a corpus with a subject model and its SAEs."""

from pathlib import Path
from typing import Annotated

import typer

from autointerp import runs
from autointerp.api.schemas.harvests import Harvest
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.parts import at_desk
from autointerp.cli.progress import follow_harvest
from autointerp.cli.specfile import parse, read_harvest
from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidInput
from autointerp.storage.records import HarvestRecord, HarvestState

KINDS = {".jsonl": "jsonl", ".parquet": "parquet"}


def harvest(
    spec: Annotated[Path | None, typer.Argument(help="A TOML file with the harvest's spec.")] = None,
    model: Annotated[str | None, typer.Option(help="Hub id or folder of the subject model.")] = None,
    sae: Annotated[
        list[str] | None, typer.Option(help="An SAE's folder, or RELEASE:ID of sae-lens. Repeat it.")
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="A .jsonl, .parquet or text file or folder, or stdlib.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens to read at most.")] = None,
    wait: Annotated[bool, typer.Option(help="Do the work here and wait, or leave it to other workers.")] = True,
    as_json: Json = False,
) -> None:
    """Harvest every feature of SAEs, from a spec file or from options; the same spec again is not done again."""
    chosen = _spec(spec, model, sae or [], corpus, tokens)
    with at_desk(working=wait) as desk:
        record = runs.create_harvest(desk, chosen)
        if wait:
            record = follow_harvest(desk, record.id)
    if as_json:
        print_json(Harvest.of(record))
    else:
        OUT.print(f"harvest {record.id} {record.state}: {record.tokens_done:,} tokens", highlight=False)
    fail_unless_finished(record, wait=wait)


def fail_unless_finished(record: HarvestRecord, *, wait: bool) -> None:
    """End the command with exit code 1 where a harvest that was waited for has not finished."""
    if wait and record.state != HarvestState.FINISHED:
        note(f"autointerp: the harvest {record.state}: {record.error or 'see the log'}")
        raise typer.Exit(1)


def _spec(path: Path | None, model: str | None, saes: list[str], corpus: str | None, tokens: int | None) -> HarvestSpec:
    if path is not None:
        if model or saes or corpus:
            raise InvalidInput("give either a spec file or --model, --sae and --corpus")
        found = read_harvest(path)
        return found if tokens is None else parse(HarvestSpec, {**found.model_dump(), "tokens": tokens}, str(path))
    if model is None or not saes or corpus is None:
        raise InvalidInput("give a spec file, or --model, --sae and --corpus")
    content = {"subject": {"model": model}, "saes": [_sae(sae) for sae in saes], "corpus": _corpus(corpus)}
    return parse(HarvestSpec, content if tokens is None else {**content, "tokens": tokens}, "the options")


def _sae(name: str) -> dict[str, str]:
    release, colon, sae_id = name.partition(":")
    if colon and not Path(name).exists():
        return {"release": release, "sae_id": sae_id}
    return {"path": name}


def _corpus(name: str) -> dict[str, str]:
    if name == "stdlib":
        return {"kind": "stdlib"}
    return {"kind": KINDS.get(Path(name).suffix, "text"), "path": name}
