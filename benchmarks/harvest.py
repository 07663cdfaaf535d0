"""What a harvest costs over the bare forward-and-encode loop, on the bundled model.

    python benchmarks/harvest.py [--tokens 60000] [--repeats 3] [--json FILE]

Prints a table; with `--json FILE`, or JSON=FILE in the environment, it also writes the rows to that file.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from autointerp import demo
from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, SubjectSpec
from autointerp.harvest.merge import merge_shards
from autointerp.harvest.pages import batches
from autointerp.harvest.run import harvest_shard
from autointerp.subject.corpus import Corpus, open_corpus
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.sae import Dictionary, load_sae


@dataclass(frozen=True)
class Line:
    """One line of the table; `holds`: the value is not above the target."""

    case: str
    value: float
    target: float
    unit: str
    holds: bool


def line(case: str, value: float, target: float, unit: str) -> Line:
    """Round a value and hold it against its target."""
    return Line(case=case, value=round(value, 3), target=target, unit=unit, holds=value <= target)


def bare_loop(model: SubjectModel, sae: Dictionary, corpus: Corpus, spec: HarvestSpec) -> None:
    """Read and encode the corpus, and keep nothing."""
    for first in batches(corpus.rows, spec, shard=0):
        rows = corpus.block(first, spec.batch)
        sae.encode(model.read(torch.from_numpy(rows.tokens.astype(np.int64)), [sae.hook])[sae.hook])


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(name: str, path: Path, tokens: int, repeats: int) -> list[Line]:
    """Measure one SAE; of several repeats, taken in turns, the fastest counts."""
    spec = HarvestSpec(
        subject=SubjectSpec(model=str(demo.MODEL)),
        saes=(SaeSpec(path=str(path)),),
        corpus=CorpusSpec(kind="stdlib"),
        tokens=tokens,
    )
    model = load_model(spec.subject)
    sae = load_sae(spec.saes[0], model)
    corpus = open_corpus(spec.corpus, model, context=spec.context, tokens=spec.tokens)
    bare, whole = [], []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats):
            place = Path(folder) / str(repeat)
            bare.append(seconds(lambda: bare_loop(model, sae, corpus, spec)))
            whole.append(
                seconds(
                    lambda place=place: harvest_shard(
                        model, [sae], corpus, spec, shard=0, folder=place, progress=lambda _: None
                    )
                )
            )
        shard = next((Path(folder) / "0").glob("*.safetensors"))
        merged = merge_shards([shard], spec)
        cut = seconds(lambda: list(merged.features(0, sae, model)))
        size = shard.stat().st_size
    case = f"{name}, {sae.features:,} features, {corpus.tokens:,} tokens"
    return [
        line(f"{case}: harvest over bare loop", min(whole) / min(bare), 1.25, "ratio"),
        line(f"{case}: cutting all features", cut, 5.0, "s"),
        line(f"{case}: shard", size / sae.features / 1000, 100.0, "kB a feature"),
    ]


def main() -> None:
    """Measure the bundled SAEs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, default=os.environ.get("JSON"))
    options = parser.parse_args()
    table = [
        row
        for name, path in (("TopK", demo.SAE_TOPK), ("JumpReLU", demo.SAE_JUMPRELU))
        for row in measure(name, path, options.tokens, options.repeats)
    ]
    width = max(len(row.case) for row in table)
    for row in table:
        print(
            f"{row.case:{width}}  {row.value:8.3f} {row.unit:14} target {row.target:<8} {'' if row.holds else 'MISSED'}"
        )
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(row) for row in table], indent=1) + "\n")


if __name__ == "__main__":
    main()
