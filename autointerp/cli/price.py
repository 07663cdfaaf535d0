"""Shows what runs may cost and asks, before any money is spent."""

import sys
from collections.abc import Sequence

import typer

from autointerp import runs, settings, wiring
from autointerp.api.schemas.base import NANO
from autointerp.cli.console import note
from autointerp.cli.progress import follow_harvest
from autointerp.domain.calls import Usage
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.errors import InvalidInput, Unavailable
from autointerp.llm.batches.opening import batch_tariff_of
from autointerp.llm.stack import tariff_of
from autointerp.runs import Desk, Expected
from autointerp.storage.records import HarvestState

ANYTHING = Usage(input=1_000_000, output=1_000_000)


def agree(desk: Desk, specs: Sequence[RunSpec], *, yes: bool) -> None:
    """Go on when nothing of `specs` costs money, or when the user agrees to the price.

    The price is counted on real prompts, so a harvest that a spec asks for is made first; that costs nothing.
    """
    for spec in specs:
        runs.check_plugins(desk, spec)
    found = [(spec, one) for spec in specs if _may_cost(spec) for one in _rehearsed(desk, spec)]
    expected, costs = [one for _, one in found], [_cost(spec, one) for spec, one in found]
    if all(cost == 0 for cost in costs):
        return
    note(_sentence(expected, costs))
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("nothing was spent: pass --yes to agree to this price without being asked")
    if not typer.confirm("Go on?", err=True):
        note("nothing was spent")
        raise typer.Exit(1)


def _may_cost(spec: RunSpec) -> bool:
    """Whether a plug-in may ask a language model; the rehearsal tells whether one does."""
    plugins = [*spec.explainers, *spec.scorers, *(scorer.judge for scorer in spec.scorers)]
    return spec.llm is not None or any("model" in plugin.options for plugin in plugins)


def _rehearsed(desk: Desk, spec: RunSpec) -> tuple[Expected, ...]:
    if isinstance(spec.harvest, HarvestSpec):
        record = runs.create_harvest(desk, spec.harvest)
        if record.state != HarvestState.FINISHED:
            record = follow_harvest(desk, record.id)
        if record.state != HarvestState.FINISHED:
            raise Unavailable(f"the harvest {record.id} {record.state}: {record.error or 'see the log'}")
    return runs.estimate(desk, spec)


def _cost(spec: RunSpec, one: Expected) -> int | None:
    """The likely cost in nano-dollars; None: the price is not known, or what will be asked cannot be told."""
    endpoint = next(found for found in wiring.endpoints(settings.load()) if found.name == one.endpoint)
    tariff = batch_tariff_of(endpoint) if spec.mode == "batch" else tariff_of(endpoint)
    if one.requests:
        return tariff.cost(one.model, one.usage)
    return 0 if tariff.cost(one.model, ANYTHING) == 0 else None


def _sentence(expected: Sequence[Expected], costs: Sequence[int | None]) -> str:
    models = ", ".join(dict.fromkeys(f"{one.endpoint}/{one.model}" for one in expected))
    requests = sum(one.requests for one in expected)
    tokens = sum(one.usage.total for one in expected)
    dollars = sum(cost for cost in costs if cost is not None) / NANO
    price = "at a price that is not known" if None in costs else f"for about ${dollars:.4f}"
    return f"{models}: about {requests:,} requests with {tokens:,} tokens, {price}; cached replies cost nothing again"
