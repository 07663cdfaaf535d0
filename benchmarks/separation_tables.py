"""Tables of what scorers make of explanations: separation, kinds of features, agreement, prices."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from statistics import fmean

import numpy as np

from autointerp.analysis.agreement import Correlation, agreement
from autointerp.domain.calls import Usage
from autointerp.llm.prices import ListPrices
from benchmarks.llm_cost import MODEL
from benchmarks.planted.features import Departure, Sort, features
from benchmarks.planted.truth import explained_by_input, rightness
from benchmarks.separation import SCORERS, WITHOUT_ERRORS, Costs, Measured

Cell = float | str | None
Table = list[list[Cell]]


def right(row: Measured) -> float:
    """F1 of the explanation on the corpus."""
    return rightness(row.feature, row.departure).f1


def separation(rows: Sequence[Measured]) -> Table:
    """Mean scores by departure, and the share of features whose true explanation scores higher."""
    others = [departure for departure in Departure if departure is not Departure.TRUE]
    table: Table = [["scorer", "errors", *Departure, *(f"true > {d}" for d in others)]]
    for name, errs in _groups(rows):
        own = [row for row in rows if (row.scorer, row.errs) == (name, errs) and explained_as_scored(row)]
        values = {(row.feature, row.departure): row.value for row in own if row.value is not None}
        means = [_mean(v for (_, d), v in values.items() if d is departure) for departure in Departure]
        table.append([name, f"{errs:.0%}", *means, *(_ahead(values, departure) for departure in others)])
    return table


def explained_as_scored(row: Measured) -> bool:
    """Whether the scorer can see what the feature is about: where it fires, or for intervention what it does."""
    if row.scorer == "intervention":
        return bool(features()[row.feature].promotes)
    return explained_by_input(row.feature)


def by_sort(rows: Sequence[Measured]) -> Table:
    """Mean scores of the true and of the shuffled explanation, by the sort of feature."""
    sorts = [sort for sort in Sort if sort is not Sort.DEAD]
    names = list(dict.fromkeys(row.scorer for row in rows))
    table: Table = [["sort", "features", *names]]
    for sort in sorts:
        own = [row for row in rows if row.sort is sort and not row.errs]
        count = len({row.feature for row in own})
        table.append([sort, str(count), *(_pair(own, name) for name in names)])
    return table


def right_order(rows: Sequence[Measured]) -> Table:
    """Spearman's correlation of scores with how right explanations are, over all features and departures."""
    table: Table = [["scorer", "errors", "all explanations", "interval", "without shuffled and wrong", "n"]]
    for name, errs in _groups(rows):
        own = [r for r in rows if (r.scorer, r.errs) == (name, errs) and explained_by_input(r.feature)]
        near = [row for row in own if row.departure not in (Departure.SHUFFLED, Departure.WRONG)]
        found, close = _with_truth(own), _with_truth(near)
        low, high = found.interval or (None, None)
        interval = "" if low is None or high is None else f"[{low:.2f}, {high:.2f}]"
        table.append([name, f"{errs:.0%}", found.value, interval, close.value, str(found.count)])
    return table


def _with_truth(rows: Sequence[Measured]) -> Correlation:
    table = np.array([[np.nan if row.value is None else row.value, right(row)] for row in rows])
    return agreement(table, ["score", "truth"], seed=0)[0, 1]


def matrix(rows: Sequence[Measured], errs: float) -> Table:
    """Rank correlations of scorers over all explanations that both scored."""
    own = [row for row in rows if row.errs == errs or row.scorer in WITHOUT_ERRORS]
    names = list(dict.fromkeys(row.scorer for row in own))
    keys = sorted({(row.feature, row.departure) for row in own})
    values = np.full((len(keys), len(names)), np.nan)
    for row in own:
        if row.value is not None:
            values[keys.index((row.feature, row.departure)), names.index(row.scorer)] = row.value
    found = agreement(values, names, seed=0)
    table: Table = [["", *names]]
    for i, name in enumerate(names):
        table.append([name, *("" if j <= i else found[i, j].value for j in range(len(names)))])
    return table


def left_out(rows: Sequence[Measured]) -> Table:
    """How many scores are undefined, and the most frequent reason."""
    table: Table = [["scorer", "errors", "undefined", "of", "features", "such as"]]
    for name, errs in _groups(rows):
        own = [row for row in rows if (row.scorer, row.errs) == (name, errs)]
        gone = [row for row in own if row.value is None]
        if gone:
            why = sorted({row.undefined or "" for row in gone}, key=len)[0]
            sorts = ", ".join(sorted({row.sort for row in gone}))
            table.append([name, f"{errs:.0%}", str(len(gone)), str(len(own)), sorts, why])
    return table


def prices(costs: Costs) -> Table:
    """Tokens and dollars of one score at list prices, with prompt caching, and the time it took here."""
    list_prices = ListPrices(vendor="anthropic")
    table: Table = [
        ["scorer", "requests", "tokens in", "of them cached", "tokens out", f"dollars ({MODEL})", "seconds here"]
    ]
    for name, used in costs.usages.items():
        mean = Usage(**{part.name: round(fmean(getattr(one, part.name) for one in used)) for part in fields(Usage)})
        dollars = (list_prices.cost(MODEL, mean) or 0) / 1e9
        table.append(
            [
                name,
                f"{costs.requests[name] / len(used):.0f}",
                f"{mean.input + mean.cache_read:,}",
                f"{mean.cache_read:,}",
                f"{mean.output:,}",
                f"{dollars:.4f}",
                f"{costs.seconds[name]:.2f}",
            ]
        )
    return table


def _groups(rows: Sequence[Measured]) -> list[tuple[str, float]]:
    return sorted({(row.scorer, row.errs) for row in rows}, key=lambda group: (list(SCORERS).index(group[0]), group[1]))


def _ahead(values: dict[tuple[int, Departure], float], other: Departure) -> Cell:
    pairs = [
        (true, values[index, other])
        for (index, departure), true in values.items()
        if departure is Departure.TRUE and (index, other) in values
    ]
    if not pairs:
        return None
    return f"{fmean((a > b) + 0.5 * (a == b) for a, b in pairs):.0%}"


def _pair(rows: Sequence[Measured], name: str) -> str:
    own = [row for row in rows if row.scorer == name and row.value is not None]
    both = [_mean(row.value for row in own if row.departure is d) for d in (Departure.TRUE, Departure.SHUFFLED)]
    return " / ".join("–" if value is None else f"{value:.2f}" for value in both)


def _mean(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return fmean(found) if found else None
