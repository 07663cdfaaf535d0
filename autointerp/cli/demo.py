"""`autointerp demo`: the main job on the bundled model, from harvest to scores, with no key and no network."""

import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from autointerp import runs
from autointerp.api.schemas.base import Shown
from autointerp.api.schemas.harvests import Harvest
from autointerp.cli import results
from autointerp.cli.choice import Llm
from autointerp.cli.console import OUT, Json, Yes, note, print_json, program
from autointerp.cli.controls import controls_table
from autointerp.cli.harvest import fail_unless_finished
from autointerp.cli.parts import at_desk
from autointerp.cli.price import agree
from autointerp.cli.progress import follow_harvest, follow_run
from autointerp.cli.results import RunResults
from autointerp.cli.results_table import results_table
from autointerp.cli.specfile import parse, read_run
from autointerp.cli.summary import summary_table
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.errors import InvalidSpec
from autointerp.runs import Desk
from autointerp.storage.records import HarvestRecord, RunState

SPEC = "spec.toml"
LLM_EXPLAINERS = ("default",)
LLM_SCORERS = ("detection", "fuzzing", "intervention")
NEXT = """
{program} serve      serves this at http://127.0.0.1:8000/docs
{program} features   lists the features of the first SAE (--sae 1: of the second)
{program} show ID    shows one feature with its examples, explanations and scores"""
HOW_TO_READ = """
A score says how often the judge was right, with its 95 % interval; 0.5 is chance. Intervention asks what the feature
causes: near or below 0.5, turning it up does not make the model write what the explanation names. Retrieval searches
the corpus with the explanation, and is 1 where that finds the feature and nothing else: another feature's explanation
gets nearly 0, and one that names more than the feature loses what the other scores do not see."""


class Demo(Shown):
    """What the demo did: its harvest, and a run for each SAE."""

    harvest: Harvest
    runs: list[RunResults]
    seconds: dict[str, float]


def demo(
    llm: Llm = None,
    yes: Yes = False,
    features: Annotated[int | None, typer.Option(min=1, help="Features of each SAE.")] = None,
    as_json: Json = False,
) -> None:
    """Harvest, explain and score features of the bundled model, and say where the time went."""
    base = spec(llm=llm, features=features)
    started = time.perf_counter()
    with at_desk(working=True) as desk:
        runs.check_plugins(desk, base)
        harvest = _harvest_of(base)
        record = follow_harvest(desk, runs.create_harvest(desk, runs.harvest_for(base, harvest)).id)
        fail_unless_finished(record, wait=True)
        chosen = [_for_sae(base, sae) for sae in range(len(harvest.saes))]
        agree(desk, chosen, yes=yes)
        found = [_carry_out(desk, one) for one in chosen]
        shown = Harvest.of(record, runs.pace_of(desk, record))
    done = Demo(harvest=shown, runs=found, seconds=_seconds(record, found))
    if as_json:
        print_json(done)
    else:
        _print(done, time.perf_counter() - started)
    if any(run.state != RunState.COMPLETE for run in found):
        raise typer.Exit(1)


def spec(*, llm: str | None, features: int | None) -> RunSpec:
    """Read the demo's spec, with an LLM to explain and judge where one is given."""
    with resources.as_file(resources.files("autointerp.demo") / SPEC) as path:
        content = read_run(path).model_dump()
    if features is not None:
        content["features"]["sample"] = features
    if llm is not None:
        scorers = [{"name": name, "judge": "llm"} for name in LLM_SCORERS]
        content |= {"llm": llm, "explainers": LLM_EXPLAINERS, "scorers": scorers}
    return parse(RunSpec, content, SPEC)


def _harvest_of(base: RunSpec) -> HarvestSpec:
    if isinstance(base.harvest, str):
        raise InvalidSpec(f"{SPEC} must hold the harvest's spec")
    return base.harvest


def _for_sae(base: RunSpec, sae: int) -> RunSpec:
    return base.model_copy(update={"features": base.features.model_copy(update={"sae": sae})})


def _carry_out(desk: Desk, chosen: RunSpec) -> RunResults:
    """Do one run; the demo's second time finds what the first one left."""
    record = runs.create_run(desk, chosen, idempotency_key=f"demo {chosen.digest}")
    if record.state.ended and record.state != RunState.COMPLETE:
        record = runs.resume_run(desk, record.id)
    if not record.state.ended:
        record = follow_run(desk, record.id)
    return results.page_of_run(desk, record, most=None)


def _seconds(harvest: HarvestRecord, found: Sequence[RunResults]) -> dict[str, float]:
    """How long each stage took when it was done, by the clock of the records."""
    explain = score = 0.0
    for run in found:
        made = [explanation.created_at for result in run.results for explanation in result.explanations]
        explained = max(made, default=run.finished_at or run.created_at)
        explain += (explained - run.created_at).total_seconds()
        score += ((run.finished_at or explained) - explained).total_seconds()
    return {"harvest": harvest.seconds or 0.0, "explain": explain, "score": score}


def _print(done: Demo, wall: float) -> None:
    for sae, run in zip(done.harvest.spec.saes, done.runs, strict=False):  # behind them are those for controls
        OUT.print(f"\n{Path(sae.path or '').name}", style="bold")
        OUT.print(results_table(run.results, width=OUT.width))
        OUT.print("", summary_table(run.summary))
        OUT.print(f"\nagainst controls, on {run.controls.sample} of the features", style="bold")
        OUT.print(controls_table(run.controls))
        for failure in run.progress.failures:
            note(f"feature {failure.index} failed: {failure.reason}")
    OUT.print(HOW_TO_READ, highlight=False)
    OUT.print("\nwhere the time went", style="bold")
    OUT.print(_times(done, wall))
    if any(run.progress.requests for run in done.runs):
        OUT.print(f"language models: ${sum(run.progress.cost for run in done.runs):.4f}", highlight=False)
    OUT.print(NEXT.format(program=program()), highlight=False)


def _times(done: Demo, wall: float) -> Table:
    explanations = sum(run.progress.explanations for run in done.runs)
    scores = sum(run.progress.scores for run in done.runs)
    what = {
        "harvest": f"{done.harvest.tokens_done:,} tokens, {len(done.runs)} SAEs",
        "explain": f"{explanations} explanations",
        "score": f"{scores} scores",
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    for stage, seconds in done.seconds.items():
        table.add_row(stage, f"{seconds:.1f} s", what[stage])
    table.add_row("altogether", f"{wall:.1f} s", "this time, with starting and stopping")
    return table
