"""Which explanations does each scorer prefer, at what price, and do scorers agree?

Two parts. *Planted*: features of every kind whose truth is known, explained truly and in four ways that depart from the
truth, scored by a reader that answers from the text alone, with and without errors. *Real*: trained SAEs beside what
they should beat (an SAE with random weights, neurons, PCA, ICA, random directions), with every judge that needs no
language model. Tables are printed as Markdown; JSON=FILE writes the numbers down.

    python -m benchmarks.scorers --only planted
    python -m benchmarks.scorers --only real
"""

import argparse
import json
import logging
import multiprocessing
import os
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import numpy as np

from autointerp.analysis.agreement import agreement
from autointerp.domain.calls import Usage
from autointerp.llm.prices import ListPrices
from benchmarks.llm_cost import MODEL, counter
from benchmarks.llm_run import harvested
from benchmarks.planted.features import Departure, Sort, explanations, features
from benchmarks.planted.subject import save
from benchmarks.planted.truth import explained_by_input, rightness
from benchmarks.separation import SCORERS, WITHOUT_ERRORS, Costs, Measured, measure
from benchmarks.tables import markdown

ERRS = (0.0, 0.1)
TOKENS = 1_000_000
POOL = 40_000  # windows of the sample that explanations are searched in, over all splits

Cell = float | str | None


def planted(folder: Path, *, tokens: int, only: Sequence[str], workers: int, most: int | None) -> dict[str, object]:
    """Measure the planted features and print the tables; return what JSON holds of them."""
    harvest = harvested(folder, save(folder, tokens, pool=POOL))
    live = [i for i, feature in enumerate(features()) if feature.fires]
    live = live if most is None else live[:: -(-len(live) // most)]
    rows, costs = _measured(folder, harvest, only, live, workers)
    print(f"\n{len(live)} live features, {len(explanations(live[0]))} explanations each, {tokens:,} tokens\n")
    for title, table in (
        ("Separation: mean score, and how often the true explanation is ahead (ties count half)", separation(rows)),
        ("Kinds of features: true / shuffled explanation, reader without errors", by_sort(rows)),
        ("Rank correlation of scores with the F1 of the explanation on the corpus", right_order(rows)),
        ("Undefined scores", left_out(rows)),
        ("Cost of scoring one explanation", prices(costs, len(rows))),
        *(
            (f"Agreement (Spearman) over all explanations, {rate:.0%} errors", matrix(rows, rate))
            for rate in sorted({row.errs for row in rows})
        ),
    ):
        print(f"{title}\n\n{markdown(table)}\n")
    return {"planted": [{**asdict(row), "sort": row.sort, "metrics": dict(row.metrics)} | _right(row) for row in rows]}


def separation(rows: Sequence[Measured]) -> list[list[Cell]]:
    """Mean scores by departure, and the share of features whose true explanation scores higher."""
    others = [departure for departure in Departure if departure is not Departure.TRUE]
    table: list[list[Cell]] = [["scorer", "errors", *Departure, *(f"true > {d}" for d in others)]]
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


def by_sort(rows: Sequence[Measured]) -> list[list[Cell]]:
    """Mean scores of the true and of the shuffled explanation, by the sort of feature."""
    sorts = [sort for sort in Sort if sort is not Sort.DEAD]
    names = list(dict.fromkeys(row.scorer for row in rows))
    table: list[list[Cell]] = [["sort", "features", *names]]
    for sort in sorts:
        own = [row for row in rows if row.sort is sort and not row.errs]
        count = len({row.feature for row in own})
        table.append([sort, str(count), *(_pair(own, name) for name in names)])
    return table


def right_order(rows: Sequence[Measured]) -> list[list[Cell]]:
    """Spearman's correlation of scores with how right explanations are, over all features and departures."""
    table: list[list[Cell]] = [["scorer", "errors", "all explanations", "interval", "without shuffled and wrong", "n"]]
    for name, errs in _groups(rows):
        own = [r for r in rows if (r.scorer, r.errs) == (name, errs) and explained_by_input(r.feature)]
        near = [row for row in own if row.departure not in (Departure.SHUFFLED, Departure.WRONG)]
        found, close = _with_truth(own), _with_truth(near)
        low, high = found.interval or (None, None)
        interval = "" if low is None or high is None else f"[{low:.2f}, {high:.2f}]"
        table.append([name, f"{errs:.0%}", found.value, interval, close.value, str(found.count)])
    return table


def _with_truth(rows: Sequence[Measured]):
    table = np.array([[np.nan if r.value is None else r.value, _f1(r)] for r in rows])
    return agreement(table, ["score", "truth"], seed=0)[0, 1]


def matrix(rows: Sequence[Measured], errs: float) -> list[list[Cell]]:
    """Rank correlations of scorers over all explanations that both scored."""
    own = [row for row in rows if row.errs == errs or row.scorer in WITHOUT_ERRORS]
    names = list(dict.fromkeys(row.scorer for row in own))
    keys = sorted({(row.feature, row.departure) for row in own})
    values = np.full((len(keys), len(names)), np.nan)
    for row in own:
        if row.value is not None:
            values[keys.index((row.feature, row.departure)), names.index(row.scorer)] = row.value
    found = agreement(values, names, seed=0)
    table: list[list[Cell]] = [["", *names]]
    for i, name in enumerate(names):
        table.append([name, *("" if j <= i else found[i, j].value for j in range(len(names)))])
    return table


def left_out(rows: Sequence[Measured]) -> list[list[Cell]]:
    """How many scores are undefined, and the most frequent reason."""
    table: list[list[Cell]] = [["scorer", "errors", "undefined", "of", "features", "such as"]]
    for name, errs in _groups(rows):
        own = [row for row in rows if (row.scorer, row.errs) == (name, errs)]
        gone = [row for row in own if row.value is None]
        if gone:
            why = sorted({row.undefined or "" for row in gone}, key=len)[0]
            sorts = ", ".join(sorted({row.sort for row in gone}))
            table.append([name, f"{errs:.0%}", str(len(gone)), str(len(own)), sorts, why])
    return table


def prices(costs: Costs, rows: int) -> list[list[Cell]]:
    """Tokens and dollars of one score at list prices, with prompt caching, and the time it took here."""
    del rows
    list_prices = ListPrices(vendor="anthropic")
    table: list[list[Cell]] = [
        ["scorer", "requests", "tokens in", "of them cached", "tokens out", f"dollars ({MODEL})", "seconds here"]
    ]
    for name, used in costs.usages.items():
        mean = Usage(
            *(round(fmean(getattr(one, part) for one in used)) for part in ("input", "cache_read", "cache_write")),
            round(fmean(one.output for one in used)),
        )
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


def _measured(
    folder: Path, harvest: str, only: Sequence[str], live: Sequence[int], workers: int
) -> tuple[list[Measured], Costs]:
    """Measure in several processes, every `workers`-th feature each."""
    count, _ = counter()
    if workers == 1:
        rows, costs = measure(folder, harvest, errs=ERRS, only=only, chosen=live, count=count)
        return rows, _each(costs, len(rows))
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = list(pool.map(_part, *zip(*((folder, harvest, only, live[k::workers]) for k in range(workers)))))
    rows = [row for found, _ in parts for row in found]
    costs = parts[0][1]
    for _, more in parts[1:]:
        for name, seconds in more.seconds.items():
            costs.seconds[name] += seconds
    return rows, _each(costs, len(rows))


def _part(folder: Path, harvest: str, only: Sequence[str], chosen: Sequence[int]) -> tuple[list[Measured], Costs]:
    import torch

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    count, _ = counter()
    return measure(folder, harvest, errs=ERRS, only=only, chosen=chosen, count=count)


def _each(costs: Costs, rows: int) -> Costs:
    """Seconds a score in place of seconds altogether."""
    scores = rows / max(1, len(costs.seconds)) or 1
    for name in costs.seconds:
        costs.seconds[name] /= scores
    return costs


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


def _f1(row: Measured) -> float:
    return rightness(row.feature, row.departure).f1


def _right(row: Measured) -> dict[str, float]:
    return {"f1": _f1(row)} if features()[row.feature].fires else {}


def main() -> None:
    """Measure what is asked for and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["planted", "real"])
    parser.add_argument("--scorers", nargs="*", default=list(SCORERS), choices=list(SCORERS))
    parser.add_argument("--tokens", type=int, default=TOKENS, help="of the planted harvest")
    parser.add_argument("--features", type=int, help="at most, of the planted ones; all if not given")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=Path(os.environ["JSON"]) if os.environ.get("JSON") else None)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.only != "real":
            found |= planted(
                folder, tokens=options.tokens, only=options.scorers, workers=options.workers, most=options.features
            )
        if options.only != "planted":
            from benchmarks.real_features import real

            found |= real(folder)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
