"""`autointerp harvest`: reads a corpus with a subject model and its SAEs."""

from pathlib import Path
from typing import Annotated

import typer

from autointerp import runs
from autointerp.api.schemas.harvests import Harvest
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.corpora import read_corpus
from autointerp.cli.parts import at_desk
from autointerp.cli.progress import follow_harvest
from autointerp.cli.specfile import OPTIONS, parse, read_harvest
from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidInput
from autointerp.storage.records import HarvestRecord, HarvestState

Source = dict[str, str]


def harvest(
    spec: Annotated[Path | None, typer.Argument(help="A TOML file with the harvest's spec.")] = None,
    model: Annotated[str | None, typer.Option(help="Hub id or folder of the subject model.")] = None,
    sae: Annotated[
        list[str] | None, typer.Option(help="An SAE's folder, or RELEASE:ID of sae-lens. Repeat it.")
    ] = None,
    baseline: Annotated[
        list[str] | None, typer.Option(help="KIND:HOOK, such as pca:model.layers.2, to be fitted first. Repeat it.")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(help="A file or folder (jsonl, parquet, text), a data set (saved or on the hub), or stdlib."),
    ] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens to read at most.")] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="Parts that workers can do at the same time.")] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Begin anew, rather than go on with one that failed or was cancelled.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Do the work here and wait, or leave it to other workers.")] = True,
    as_json: Json = False,
) -> None:
    """Harvest every feature of SAEs and baselines, from a spec file or options; the same again goes on."""
    changes = {name: value for name, value in (("tokens", tokens), ("shards", shards)) if value is not None}
    chosen = _spec(spec, model, _saes(sae or [], baseline or []), corpus, changes)
    with at_desk(working=wait) as desk:
        record = runs.create_harvest(desk, chosen) if new else runs.continue_harvest(desk, chosen)
        if wait:
            record = follow_harvest(desk, record.id)
        pace = runs.pace_of(desk, record)
    if as_json:
        print_json(Harvest.of(record, pace))
    elif record.state is HarvestState.FINISHED or not wait:
        OUT.print(f"harvest {record.id} {record.state}: {_told(record, pace)}", highlight=False)
    tell_broken(record)
    fail_unless_finished(record, wait=wait)


def tell_broken(record: HarvestRecord) -> None:
    """Warn of activations that were NaN or infinite, a sentence for each SAE that has some."""
    for one in record.broken or ():
        contexts = ", ".join(map(str, one.contexts))
        note(
            f"autointerp: {one.count:,} activations of SAE {one.name} at {one.hook} were NaN or infinite, "
            f"first in contexts {contexts}; they are left out"
        )


def _told(record: HarvestRecord, pace: runs.Pace) -> str:
    """How much was read and where the time went; a harvest that was made long ago may not know."""
    if pace.tokens_per_second is None:
        return f"{record.tokens_done:,} tokens"
    reading = f"{pace.reading:,.0f} s of loading and reading ({pace.tokens_per_second:,.0f} tokens/s)"
    return f"{record.tokens_done:,} tokens, {reading}, {pace.merging:,.0f} s of merging"


def _ended(record: HarvestRecord) -> str:
    if record.state is HarvestState.CANCELLED:
        return "was cancelled; give the same command to go on with it"
    return f"{record.state}: {record.error or 'see the log'}"


def fail_unless_finished(record: HarvestRecord, *, wait: bool) -> None:
    """End the command with exit code 1 where a harvest that was waited for has not finished."""
    if wait and record.state != HarvestState.FINISHED:
        note(f"autointerp: the harvest {record.id} {_ended(record)}")
        raise typer.Exit(1)


def _spec(
    path: Path | None, model: str | None, saes: list[Source], corpus: str | None, changes: dict[str, int]
) -> HarvestSpec:
    if path is not None:
        if model or saes or corpus:
            raise InvalidInput("give either a spec file or --model, --sae or --baseline, and --corpus")
        found = read_harvest(path)
        return parse(HarvestSpec, {**found.model_dump(), **changes}, str(path)) if changes else found
    if model is None or not saes or corpus is None:
        raise InvalidInput("give a spec file, or --model, --sae or --baseline, and --corpus")
    content = {"subject": {"model": model}, "saes": saes, "corpus": read_corpus(corpus)}
    return parse(HarvestSpec, {**content, **changes}, OPTIONS)


def _saes(names: list[str], baselines: list[str]) -> list[Source]:
    return [*map(_sae, names), *map(_baseline, baselines)]


def _sae(name: str) -> Source:
    release, colon, sae_id = name.partition(":")
    if colon and not Path(name).exists():
        return {"release": release, "sae_id": sae_id}
    return {"path": name}


def _baseline(name: str) -> Source:
    kind, _, hook = name.partition(":")
    if not hook:
        raise InvalidInput(f"{name!r} names no hook point; write KIND:HOOK, such as pca:model.layers.2")
    return {"baseline": kind, "hook": hook}
