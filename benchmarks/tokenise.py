"""How fast tokenising and packing are, against the forward pass that reads what they make, on the bundled model.

    python -m benchmarks.tokenise [--tokens 500000] [--repeats 3] [--json FILE]

Tokenising runs in a thread of its own while the model reads: it is no bottleneck while the first number is above one.
Prints a table; with `--json FILE`, or JSON=FILE in the environment, it also writes the rows to that file.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from autointerp import demo
from autointerp.domain.specs import CorpusSpec, SubjectSpec
from autointerp.subject.corpus import open_corpus
from autointerp.subject.documents import read_documents
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.packing import BEGINNING, Layout, Packer
from autointerp.subject.parts import in_parts
from autointerp.subject.tokenising import encoder, tokenise
from benchmarks.tables import Line, at_least, noted, show

CONTEXT = 256
BATCH = 16
FORWARD_TOKENS = 100_000
CORPUS = CorpusSpec(kind="stdlib")


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def made(model: SubjectModel, tokens: int, folder: Path) -> float:
    """Return the tokens a second of reading, tokenising, packing and keeping the corpus on disk."""
    corpus = None

    def work() -> None:
        nonlocal corpus
        corpus = open_corpus(CORPUS, model, context=CONTEXT, tokens=tokens, folder=folder)
        assert corpus.tokens <= tokens

    took = seconds(work)
    assert corpus is not None
    return corpus.tokens / took


def kept(model: SubjectModel, tokens: int, folder: Path) -> float:
    """Return the tokens a second of reading batches of rows that were kept before."""
    corpus = open_corpus(CORPUS, model, context=CONTEXT, tokens=tokens, folder=folder)
    rows = corpus.rows
    return corpus.tokens / seconds(lambda: [corpus.block(first, BATCH) for first in range(0, rows, BATCH)])


def packed(model: SubjectModel) -> float:
    """Return the tokens a second of packing alone."""
    encode = encoder(model, "text").encode
    units = list(tokenise(in_parts(read_documents(CORPUS.model_copy(update={"documents": 200}))), encode))
    packer = Packer(Layout.of(model, CORPUS, context=CONTEXT), rows=512, budget=1 << 40, begin=BEGINNING)
    took = seconds(lambda: [packer.add(part, ids) for part, ids in units])
    return sum(len(ids) for _, ids in units) / took


def forward(model: SubjectModel, folder: Path) -> float:
    """Return the tokens a second of reading the corpus with the model up to the hook point of the demo."""
    corpus = open_corpus(CORPUS, model, context=CONTEXT, tokens=FORWARD_TOKENS, folder=folder)
    blocks = [torch.from_numpy(corpus.block(first, BATCH).tokens.astype(np.int64)) for first in range(0, 390, BATCH)]
    model.read(blocks[0], [demo.HOOK])
    return sum(block.numel() for block in blocks) / seconds(lambda: [model.read(b, [demo.HOOK]) for b in blocks])


def measure(tokens: int, repeats: int) -> list[Line]:
    """Measure on the standard library's sources; of several repeats, taken in turns, the fastest counts."""
    model = load_model(SubjectSpec(model=str(demo.MODEL)))
    speeds: dict[str, list[float]] = {"made": [], "kept": [], "packed": [], "forward": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            speeds["made"].append(made(model, tokens, place))
            speeds["kept"].append(kept(model, tokens, place))
            speeds["packed"].append(packed(model))
            speeds["forward"].append(forward(model, place))
    best = {name: max(found) for name, found in speeds.items()}
    return [
        at_least("tokenising and packing over the forward pass", best["made"] / best["forward"], 1.0, "ratio"),
        at_least("reading kept rows over the forward pass", best["kept"] / best["forward"], 20.0, "ratio"),
        at_least("packing alone over tokenising and packing", best["packed"] / best["made"], 10.0, "ratio"),
        *(noted(f"speed: {name}", value, "tokens/s") for name, value in best.items()),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = measure(options.tokens, options.repeats)
    show(table, options.json)


if __name__ == "__main__":
    main()
