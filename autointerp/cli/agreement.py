"""`autointerp agreement`: how far the scorers of runs agree."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autointerp.analysis.agreement import LEAST
from autointerp.api.schemas.agreement import Agreement, ExplainerAgreement, ScorerPair
from autointerp.cli.choice import Seed
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.parts import opened
from autointerp.cli.tables import with_interval
from autointerp.domain.labels import labels
from autointerp.runs import agree


def agreement(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs that scored the same explanations.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Show the rank correlations among the scorers of runs, over the explanations that both scored."""
    with opened() as database:
        found = Agreement.of(agree(database, list(dict.fromkeys(runs)), seed=seed))
    if as_json:
        print_json(found)
        return
    OUT.print(Group(*_page(found, several=len(set(runs)) > 1)))
    for reason in dict.fromkeys([*_alone(found), *_undefined(found)]):
        note(reason)


def _page(found: Agreement, *, several: bool) -> Iterator[RenderableType]:
    for place, (table, name) in enumerate(zip(found.items, _names(found), strict=True)):
        if place:
            yield Text()
        yield Text(f"{name}, {table.explanations} explanations", style="bold")
        yield _matrix(table, several=several)


def _matrix(found: ExplainerAgreement, *, several: bool) -> Table:
    """A row and a column for each scorer; each pair stands once, with the number of explanations below it."""
    table = Table("", "scorer", *(["run"] if several else []), box=None, pad_edge=False, padding=(0, 2, 0, 0))
    pairs = {(pair.first, pair.second): pair for pair in found.pairs}
    columns = range(1, len(found.scorers))
    for j in columns:
        table.add_column(str(j + 1), no_wrap=True)
    for i, scorer in enumerate(found.scorers):
        where = [str(i + 1), Text(scorer.label), *([scorer.run_id] if several else [])]
        table.add_row(*where, *(_cell(pairs.get((i, j))) for j in columns))
    return table


def _cell(pair: ScorerPair | None) -> Text:
    if pair is None:
        return Text("")
    return Text(f"{with_interval(pair.value, pair.interval)}\nof {pair.count}")


def _names(found: Agreement) -> tuple[str, ...]:
    """The explainers, told apart by their options, and where that will not do by their runs."""
    used = [table.explainer for table in found.items]
    names = [one.explainer for one in used]
    several = len({one.run_id for one in used if one.run_id}) > 1
    told = labels([(one.explainer, {**one.options, **({"run": one.run_id} if several else {})}) for one in used])
    return told if len(set(names)) < len(names) else tuple(names)


def _alone(found: Agreement) -> Iterator[str]:
    """Say of each table of one scorer that there is nothing to correlate it with, and what to do."""
    for table, name in zip(found.items, _names(found), strict=True):
        if not table.pairs:
            yield (
                f"nothing to correlate for {name}: only {table.scorers[0].label} has scored its explanations; name "
                "runs that scored the same ones (a run without explainers scores the newest explanations)"
            )


def _undefined(found: Agreement) -> Iterator[str]:
    """Say why pairs have no correlation: once for all that both scored too little, and once for each other reason."""
    few = [(one, name) for one, name in _without(found) if one.count < LEAST]
    other = [(one, name) for one, name in _without(found) if one.count >= LEAST]
    if len(few) > 1:
        counts = sorted({one.count for one, _ in few})
        between = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        yield f"no correlation of {len(few)} pairs: only {between} explanations have both scores; {LEAST} are needed"
    for one, name in [*(few if len(few) == 1 else ()), *other]:
        yield f"no correlation of {name}: {one.undefined}"


def _without(found: Agreement) -> list[tuple[ScorerPair, str]]:
    """The pairs that have no correlation, with their names."""
    return [
        (pair, f"{table.scorers[pair.first].label} and {table.scorers[pair.second].label}")
        for table in found.items
        for pair in table.pairs
        if pair.undefined
    ]
