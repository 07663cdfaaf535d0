"""Searching explanations by meaning without an index of the database: how long it takes and what it misses.

`python benchmarks/nearest.py` makes unit vectors of 384 numbers in clusters, as those of sentences are, and looks for
the ten nearest of each of some others. JSON=FILE writes the cases to a file.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis.nearest import Nearest, quantise

LOT = 1 << 16


def vectors(rng: np.random.Generator, centres: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Unit vectors around some of the centres."""
    chosen = centres[rng.integers(len(centres), size=count)]
    found = chosen + 0.8 * rng.normal(size=chosen.shape).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--compared", type=int, default=20, help="queries that are compared with an exact search")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    common = rng.normal(size=given.dimensions)
    centres = (rng.normal(size=(given.count // 20, given.dimensions)) + common).astype(np.float32)
    queries = vectors(rng, centres, given.queries)
    index = Nearest(given.dimensions)
    best: list[NDArray[np.float32]] = []
    filling = 0.0
    for first in range(0, given.count, LOT):
        lot = vectors(rng, centres, min(LOT, given.count - first))
        begun = time.perf_counter()
        index.add(*quantise(lot))
        filling += time.perf_counter() - begun
        best.append(np.partition(lot @ queries[: given.compared].T, -10, axis=0)[-10:])
    tenth = np.partition(np.concatenate(best), -10, axis=0)[-10]
    index.search(queries[0], 10, allowed=None)
    seconds, hits = [], 0
    for i, query in enumerate(queries):
        begun = time.perf_counter()
        _, similar = index.search(query, 10, allowed=None)
        seconds.append(time.perf_counter() - begun)
        if i < given.compared:
            hits += int((similar >= tenth[i] - 2e-3).sum())
    p50, p99 = np.percentile(seconds, [50, 99]) * 1_000
    cases = [
        {"case": "semantic search, p50", "value": p50, "target": 100.0, "unit": "ms", "holds": p50 <= 100},
        {"case": "semantic search, p99", "value": p99, "target": 100.0, "unit": "ms", "holds": p99 <= 100},
        {
            "case": "of the ten nearest, found",
            "value": hits / (10 * given.compared),
            "target": 0.95,
            "unit": "share",
            "holds": hits / (10 * given.compared) >= 0.95,
        },
        {"case": "memory", "value": index.bytes / given.count, "target": None, "unit": "bytes a vector", "holds": None},
        {"case": "filling", "value": filling, "target": None, "unit": "s", "holds": None},
    ]
    print(f"{given.count:,} vectors of {given.dimensions} dimensions, {given.queries} queries")
    for case in cases:
        print(f"{case['case']:28} {case['value']:10.3f} {case['unit']}")
    if path := os.environ.get("JSON"):
        Path(path).write_text(json.dumps([{**case, "holds": case["holds"] and bool(case["holds"])} for case in cases]))


if __name__ == "__main__":
    main()
