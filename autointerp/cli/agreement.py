"""`autointerp agreement`: how far the scorers of runs agree."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autointerp.api.schemas.agreement import Agreement, ExplainerAgreement, ScorerPair
from autointerp.cli.choice import Seed
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.parts import opened
from autointerp.cli.tables import with_interval
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
    for reason in dict.fromkeys(_undefined(found)):
        note(reason)


def _page(found: Agreement, *, several: bool) -> Iterator[RenderableType]:
    for place, table in enumerate(found.items):
        if place:
            yield Text()
        yield Text(f"{table.explainer.explainer}, {table.explanations} explanations", style="bold")
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


def _undefined(found: Agreement) -> Iterator[str]:
    for table in found.items:
        for pair in table.pairs:
            if pair.undefined:
                first, second = (table.scorers[place].label for place in (pair.first, pair.second))
                yield f"no correlation of {first} and {second}: {pair.undefined}"
