"""A feature as a notebook shows it: a few numbers, and its windows with the tokens coloured by activation."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autointerp.api.schemas.features import ExampleGroup, Feature, FeaturePage, Window

SHOWN = 5  # windows of each group
COLOUR = "255, 165, 0"


def line(feature: "Feature") -> str:
    """A feature in one line."""
    return (
        f"<feature {feature.index} of SAE {feature.sae_id}: fires on {feature.density:.3%} of the tokens, "
        f"at most {feature.max:.4g}, most on {_quoted(feature.top_tokens)}; promotes {_quoted(feature.promoted)}>"
    )


def html(page: "FeaturePage") -> str:
    """A feature with its examples, for a cell of a notebook; text of the corpus is escaped."""
    groups = "".join(_group(group, page.max) for group in page.groups)
    return f"<div><p><b>{escape(line(page).strip('<>'))}</b></p>{groups}</div>"


def _group(group: "ExampleGroup", strongest: float) -> str:
    name = f"{group.split}: {group.kind}" + ("" if group.index is None else f" {group.index}")
    rows = "".join(f"<li>{_window(window, strongest)}</li>" for window in group.examples[:SHOWN])
    return f"<details open><summary>{escape(name)} ({len(group.examples)})</summary><ul>{rows}</ul></details>"


def _window(window: "Window", strongest: float) -> str:
    tokens = zip(window.pieces, window.activations, strict=True)
    return "".join(_token(piece, activation / strongest if strongest > 0 else 0.0) for piece, activation in tokens)


def _token(piece: str, share: float) -> str:
    shown = escape(piece.replace("\n", "⏎"))
    if share <= 0:
        return shown
    return f'<span style="background: rgba({COLOUR}, {min(1.0, share):.2f})" title="{share:.0%}">{shown}</span>'


def _quoted(tokens: Sequence[str] | Iterable[str]) -> str:
    return ", ".join(map(repr, tokens)) or "nothing"
