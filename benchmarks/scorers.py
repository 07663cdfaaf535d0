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
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from benchmarks import separation_tables as tables
from benchmarks.llm_cost import counter
from benchmarks.llm_run import harvested
from benchmarks.planted.features import Departure, features
from benchmarks.planted.subject import save
from benchmarks.real_features import WORLDS, real
from benchmarks.separation import SCORERS, Costs, Measured, measure
from benchmarks.tables import markdown

ERRS = (0.0, 0.1)
TOKENS = 1_000_000
POOL = 40_000  # windows of the sample that explanations are searched in, over all splits


def planted(folder: Path, *, tokens: int, only: Sequence[str], workers: int, most: int | None) -> dict[str, object]:
    """Measure the planted features and print the tables; return what JSON holds of them."""
    harvest = harvested(folder, save(folder, tokens, pool=POOL))
    live = [i for i, feature in enumerate(features()) if feature.fires]
    live = live if most is None else live[:: -(-len(live) // most)]
    rows, costs = _measured(folder, harvest, only, live, workers)
    print(f"\n{len(live)} live features, {len(Departure)} explanations each, {tokens:,} tokens\n")
    for title, table in (
        ("Separation: mean score, and how often the true explanation is ahead (ties count half)", tables.separation),
        ("Kinds of features: true / shuffled explanation, reader without errors", tables.by_sort),
        ("Rank correlation of scores with the F1 of the explanation on the corpus", tables.right_order),
        ("Undefined scores", tables.left_out),
    ):
        print(f"{title}\n\n{markdown(table(rows))}\n")
    print(f"Cost of scoring one explanation\n\n{markdown(tables.prices(costs))}\n")
    for rate in ERRS:
        title = f"Agreement (Spearman) over all explanations, {rate:.0%} errors"
        print(f"{title}\n\n{markdown(tables.matrix(rows, rate))}\n")
    return {
        "planted": [
            asdict(row) | {"sort": row.sort, "metrics": dict(row.metrics), "f1": tables.right(row)} for row in rows
        ]
    }


def _measured(
    folder: Path, harvest: str, only: Sequence[str], live: Sequence[int], workers: int
) -> tuple[list[Measured], Costs]:
    """Measure in several processes, every `workers`-th feature each."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        given = [pool.submit(_part, folder, harvest, only, live[k::workers]) for k in range(workers)]
        parts = [one.result() for one in given]
    rows = [row for found, _ in parts for row in found]
    costs = parts[0][1]
    for name in costs.seconds:
        scored = sum(row.scorer == name for row in rows)
        costs.seconds[name] = sum(more.seconds[name] for _, more in parts) / scored
    return rows, costs


def _part(folder: Path, harvest: str, only: Sequence[str], chosen: Sequence[int]) -> tuple[list[Measured], Costs]:
    import torch  # here, because the other processes need none of it

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    count, _ = counter()
    return measure(folder, harvest, errs=ERRS, only=only, chosen=chosen, count=count)


def main() -> None:
    """Measure what is asked for and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["planted", "real"])
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=WORLDS, help="of real features")
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
            found |= real(folder, options.worlds)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
