"""`autointerp summary`: the scores of a run put together."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from autointerp.api.schemas.summaries import Summary, SummaryLine
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.parts import opened
from autointerp.cli.tables import name_of, number, with_interval
from autointerp.domain.labels import labels
from autointerp.runs import summarise_run


def summary(run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id.")], as_json: Json = False) -> None:
    """Put a run's scores together: by explainer and scorer, with what was left out and why."""
    with opened() as database:
        found = Summary.of(summarise_run(database, run))
    if as_json:
        print_json(found)
        return
    OUT.print(summary_table(found.items))
    for reason in _undefined(found.items):
        note(reason)


def summary_table(lines: Sequence[SummaryLine]) -> Table:
    """One line an explainer and scorer: where the scores of the features lie, and how many are not there."""
    explainers, scorers = _labels(lines)
    headings = ("explainer", "scorer", "mean", "quartiles", "scored", "undefined", "missing")
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for line, explainer, scorer in zip(lines, explainers, scorers, strict=True):
        quartiles = (line.lower_quartile, line.median, line.upper_quartile)
        table.add_row(
            Text(explainer),
            Text(scorer),
            Text(with_interval(line.mean, line.interval)),
            " · ".join(map(number, quartiles)),
            *(str(count) for count in (line.scored, sum(line.undefined.values()), line.missing)),
        )
    return table


def _labels(lines: Sequence[SummaryLine]) -> tuple[list[str], list[str]]:
    """Of each line its explainer and its scorer, told apart by as few options as will do."""
    explainers = {_explained(line): (line.explainer.explainer, line.explainer.options) for line in lines}
    scorers = {line.scorer.position: name_of(line.scorer) for line in lines}
    by_explainer = dict(zip(explainers, labels(list(explainers.values())), strict=True))
    by_scorer = dict(zip(scorers, labels(list(scorers.values())), strict=True))
    return [by_explainer[_explained(line)] for line in lines], [by_scorer[line.scorer.position] for line in lines]


def _explained(line: SummaryLine) -> tuple[str | None, int | None, str]:
    return line.explainer.run_id, line.explainer.position, line.explainer.explainer


def _undefined(lines: Sequence[SummaryLine]) -> Iterator[str]:
    """Say of each scorer why some of its scores are undefined."""
    for line, explainer, scorer in zip(lines, *_labels(lines), strict=True):
        for reason, count in line.undefined.items():
            yield f"{scorer} of {explainer}: {count} undefined: {reason}"
