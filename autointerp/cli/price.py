"""Shows what runs may cost and asks, before any money is spent."""

import sys
from collections.abc import Sequence

import typer

from autointerp import runs
from autointerp.api.schemas.estimates import Estimate
from autointerp.cli.console import note
from autointerp.cli.progress import follow_harvest
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.errors import InvalidInput, Unavailable
from autointerp.runs import Desk, Quote
from autointerp.storage.records import HarvestState


def agree(desk: Desk, specs: Sequence[RunSpec], *, yes: bool) -> None:
    """Go on when nothing of `specs` costs money, or when the user agrees to the price.

    Models that what they read may sway are named first. The price is counted on real prompts, so a harvest that a spec
    asks for is made before; that costs nothing.
    """
    taken = [model for spec in specs for model in runs.check_plugins(desk, spec)]
    for warning in runs.warnings_of(desk, taken):
        note(warning)
    quotes = [quote for spec in specs if _may_cost(spec) for quote in _quoted(desk, spec)]
    if all(quote.high.cost == 0 for quote in quotes):
        return
    note(sentence(Estimate.of(quotes)))
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("nothing was spent: pass --yes to agree to this price without being asked")
    if not typer.confirm("Go on?", err=True):
        note("nothing was spent")
        raise typer.Exit(1)


def _may_cost(spec: RunSpec) -> bool:
    """Whether a plug-in may ask a language model; the rehearsal tells whether one does."""
    plugins = [*spec.explainers, *spec.scorers, *(one.judge for one in spec.scorers if one.judge)]
    return spec.llm is not None or any("model" in plugin.options for plugin in plugins)


def _quoted(desk: Desk, spec: RunSpec) -> tuple[Quote, ...]:
    if isinstance(spec.harvest, HarvestSpec):
        record = runs.harvest_of(desk, spec, spec.harvest)
        if record.state != HarvestState.FINISHED:
            record = follow_harvest(desk, record.id)
        if record.state != HarvestState.FINISHED:
            raise Unavailable(f"the harvest {record.id} {record.state}: {record.error or 'see the log'}")
    return runs.estimate(desk, spec)


def sentence(found: Estimate) -> str:
    """Say what is asked, and for how much."""
    models = ", ".join(model.model for model in found.models)
    low, likely, high = found.dollars.low, found.dollars.likely, found.dollars.high
    price = "at a price that is not known" if likely is None else f"for about ${likely:.4f} (${low:.4f} to ${high:.4f})"
    about = f"about {found.requests:,} requests with {found.tokens.likely:,} tokens"
    return f"{models}: {about}, {price}; cached replies cost nothing again"
