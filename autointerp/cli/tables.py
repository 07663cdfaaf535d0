"""Results as tables for a terminal."""

from collections.abc import Sequence
from typing import Literal

from rich.table import Table
from rich.text import Text

from autointerp.api.schemas.estimates import Dollars, Estimate
from autointerp.api.schemas.features import Feature
from autointerp.api.schemas.measures import Scorer
from autointerp.api.schemas.scores import Interval, Score
from autointerp.domain.labels import Named, of_scorer


def features_table(rows: Sequence[Feature]) -> Table:
    """One line a feature: where it is and what it fires on."""
    table = Table("id", "index", "density", "max", "fires on", "promotes", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            str(row.id),
            str(row.index),
            density(row.density),
            f"{row.max:.2f}",
            pieces(row.top_tokens),
            pieces(row.promoted),
        )
    return table


def estimate_table(found: Estimate) -> Table:
    """One line a model, and their sum: requests, tokens and dollars from low to high."""
    table = Table("model", "requests", "tokens", "dollars", "low", "high", box=None, pad_edge=False)
    for model in found.models:
        table.add_row(model.model, f"{model.requests:,}", f"{model.tokens.likely:,}", *_dollars(model.dollars))
    if len(found.models) != 1:
        table.add_row("altogether", f"{found.requests:,}", f"{found.tokens.likely:,}", *_dollars(found.dollars))
    return table


def name_of(score: Score | Scorer) -> Named:
    """The scorer with its judge, as they are written on the command line, and the options of both."""
    return of_scorer(score.scorer, score.options, score.judge, score.judge_options)


def value_of(score: Score) -> str:
    """A score with its interval, or why there is none."""
    if score.value is None:
        return f"– ({score.undefined or 'undefined'})"
    return with_interval(score.value, score.interval)


def with_interval(value: float | None, interval: Interval | None, *, sign: Literal["", "+"] = "") -> str:
    """A number with its interval, if it has one; `sign` "+": with the signs of positive numbers too."""
    shown = number(value, sign=sign)
    if value is None or interval is None:
        return shown
    return f"{shown} [{number(interval.low, sign=sign)}, {number(interval.high, sign=sign)}]"


def number(value: float | None, *, sign: Literal["", "+"] = "") -> str:
    """A number with two decimals, or a dash where there is none."""
    return "–" if value is None else f"{value:{sign}.2f}"


def density(value: float) -> str:
    """A share of tokens in per cent."""
    return f"{100 * value:.3f} %"


def pieces(texts: Sequence[str]) -> Text:
    """Tokens side by side, with their spaces visible."""
    return Text(" ".join(repr(text)[1:-1].replace(" ", "·") for text in texts))


def _dollars(price: Dollars) -> list[str]:
    return ["not known" if side is None else f"${side:.4f}" for side in (price.likely, price.low, price.high)]
