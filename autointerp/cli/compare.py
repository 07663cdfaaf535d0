"""`autointerp compare`: two explainers, prompts, models or runs side by side."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autointerp.api.schemas.comparisons import ComparedScorer, ComparedSide, Comparison
from autointerp.cli.choice import Seed
from autointerp.cli.console import OUT, Json, note, print_json
from autointerp.cli.parts import opened
from autointerp.cli.tables import number, with_interval
from autointerp.errors import InvalidInput
from autointerp.runs import RunSide, compare_sides


def compare(
    first: Annotated[str, typer.Argument(metavar="RUN[:EXPLAINER]", help="A run, and an explainer by name or place.")],
    second: Annotated[str, typer.Argument(metavar="RUN[:EXPLAINER]", help="What to compare it with.")],
    verdicts: Annotated[bool, typer.Option("--verdicts", help="Also question by question; reads every trial.")] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare two explainers, prompts, models or runs on the features that the same scorers scored of both."""
    with opened() as database:
        found = compare_sides(database, read_side(first), read_side(second), seed=seed, verdicts=verdicts)
    shown = Comparison.of(found)
    if as_json:
        print_json(shown)
        return
    OUT.print(Group(*_page(shown)))
    for warning in _warnings(shown):
        note(warning)


def read_side(text: str) -> RunSide:
    """Read RUN, RUN:POSITION or RUN:NAME."""
    run_id, colon, explainer = text.partition(":")
    if not run_id or (colon and not explainer):
        raise InvalidInput(f"{text!r} is no side of a comparison; write RUN or RUN:EXPLAINER")
    return RunSide(run_id, explainer or None)


def _page(found: Comparison) -> Iterator[RenderableType]:
    for which, side in (("first ", found.first), ("second", found.second)):
        yield Text(f"{which}  {_side(side)}")
    yield Text()
    yield _scores(found)
    if any(one.verdicts for one in found.scorers):
        yield Text()
        yield _verdicts(found)


def _side(side: ComparedSide) -> str:
    explainer = side.explainer
    options = "".join(f" {key}={value}" for key, value in explainer.options.items())
    models = f" by {', '.join(explainer.models)}" if explainer.models else ""
    run = f"{side.run_id} ({side.run_name})" if side.run_name else side.run_id
    return f"{explainer.explainer}{options}{models}, run {run}"


def _scores(found: Comparison) -> Table:
    headings = ("scorer", "first", "second", "difference", "p", "features", "higher", "same", "lower", "left out")
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in found.scorers:
        table.add_row(
            Text(one.scorer.label),
            number(one.first),
            number(one.second),
            Text(with_interval(one.difference, one.interval, sign="+")),
            "–" if one.p is None else f"{one.p:.4f}",
            *(str(count) for count in (one.pairs, one.wins, one.ties, one.losses)),
            _left_out(one),
        )
    return table


def _left_out(one: ComparedScorer) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in one.left_out.items()) or "0"


def _verdicts(found: Comparison) -> Table:
    headings = ("questions to both", "same answer", "both right", "only first", "only second", "both wrong", "unread")
    table = Table(*headings, "to one side only", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for scorer, asked in ((one.scorer.label, one.verdicts) for one in found.scorers if one.verdicts):
        counts = (asked.both_right, asked.first_right, asked.second_right, asked.both_wrong, asked.unread)
        agreed = "–" if asked.agreement is None else f"{asked.agreement:.1%}"
        table.add_row(Text(scorer), agreed, *map(str, counts), str(asked.unmatched))
    return table


def _warnings(found: Comparison) -> Iterator[str]:
    if not found.same_harvest:
        yield "the sides were scored on examples of different harvests"
    elif not found.same_seed:
        yield "the sides have different seeds, so they were scored on different examples of the harvest"
    for one in found.not_compared:
        yield f"not compared: {one.scorer} ({one.why})"
