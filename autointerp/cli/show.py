"""`autointerp show`: one feature's page in the terminal."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autointerp.api.schemas.features import ExampleGroup, FeaturePage, Window
from autointerp.cli.choice import find_feature
from autointerp.cli.console import OUT, Json, print_json
from autointerp.cli.parts import opened
from autointerp.cli.results import Explained, of_feature
from autointerp.cli.results_table import key_of, labels_of
from autointerp.cli.tables import density, pieces, value_of
from autointerp.domain.examples import Split
from autointerp.storage import examples

SHADES = ("", "on grey23", "on dark_green", "bold white on green4", "bold black on green3")


class Page(FeaturePage):
    """A feature with everything that is known of it."""

    explanations: list[Explained]


def show(
    feature: Annotated[str, typer.Argument(help="A feature's id, or SAE/INDEX with the id of its SAE.")],
    harvest: Annotated[str | None, typer.Option(help="As this harvest saw it; the newest one if not given.")] = None,
    split: Annotated[Split, typer.Option(help="Whose examples to show.")] = Split.EXPLAIN,
    per_group: Annotated[int, typer.Option("--per-group", min=0, help="Examples of each group.")] = 5,
    as_json: Json = False,
) -> None:
    """Show a feature: statistics, logits, examples, explanations and scores."""
    with opened() as database, database.read() as session:
        row = find_feature(session, feature, harvest)
        windows = examples.load(session, row.harvest_id, row.id, split)
        explained = of_feature(session, row.harvest_id, row.id)
    page = Page(**FeaturePage.with_examples(row, windows).model_dump(), explanations=explained)
    if as_json:
        print_json(page)
    else:
        OUT.print(Group(*_page(page, per_group)))


def _page(page: Page, per_group: int) -> Iterator[RenderableType]:
    yield Text(f"feature {page.sae_id}/{page.index}  (id {page.id}, harvest {page.harvest_id})", style="bold")
    yield Text(
        f"fires on {page.firings} of {page.tokens} tokens ({density(page.density)}), "
        f"mean {page.mean:.3f}, at most {page.max:.3f}"
    )
    yield Text("fires on    ").append_text(pieces([token.piece for token in page.token_counts[:12]]))
    yield Text("promotes    ").append_text(pieces([logit.piece for logit in page.promoted_logits[:12]]))
    yield Text("suppresses  ").append_text(pieces([logit.piece for logit in page.suppressed_logits[:12]]))
    near = ", ".join(f"{near.index} ({near.cosine:.2f}, {near.coactivation:.2f})" for near in page.neighbours[:6])
    yield Text(f"is like     {near or 'no other feature'}  (cosine, co-activation)")
    yield from _explanations(page.explanations)
    for group in page.groups:
        yield from _examples(group, page.max, per_group)


def _explanations(explained: list[Explained]) -> Iterator[RenderableType]:
    if not explained:
        yield Text("\nno explanation yet; autointerp explain makes one", style="dim")
        return
    names = labels_of([score for explanation in explained for score in explanation.scores])
    table = Table("explanation", "by", "score", "value", box=None, pad_edge=False)
    for explanation in explained:
        claims = [Text(explanation.text), explanation.explainer]
        for score in explanation.scores or [None]:
            shown = ("", "") if score is None else (Text(names[key_of(score)]), value_of(score))
            table.add_row(*claims, *shown)
            claims = [Text(""), ""]
    yield Text()
    yield table


def _examples(group: ExampleGroup, most: float, per_group: int) -> Iterator[RenderableType]:
    if not per_group:
        return
    name = group.kind if group.index is None else f"{group.kind} {group.index}"
    yield Text(f"\n{name} ({len(group.examples)} examples of the {group.split} split)", style="bold")
    for window in group.examples[:per_group]:
        yield _window(window, most)


def _window(window: Window, most: float) -> Text:
    line = Text(f"{window.max:8.2f}  ", no_wrap=False)
    for piece, activation in zip(window.pieces, window.activations, strict=True):
        text = piece.replace("\n", "⏎")
        shade = _shade(activation, most)
        line.append(f"«{text}»" if shade and not OUT.is_terminal else text, style=shade)
    return line


def _shade(activation: float, most: float) -> str:
    if activation <= 0 or most <= 0:
        return SHADES[0]
    return SHADES[1 + min(3, int(4 * activation / most))]
