"""What a harvest costs over a bare loop that forwards and encodes the same batches, and keeps nothing.

    python -m benchmarks.harvest [--tokens 1000000] [--only CASE] [--device cuda --shape large] [--json FILE]

Subject models and SAEs have random weights. Harvest and bare loops take turns every few batches, so that whatever else
the machine does falls on all of them. "plain" is `sae.encode`; "fast" is our own way of finding what fires. Prints a
table; with `--json FILE`, or JSON=FILE in the environment, it also writes the rows to that file.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, SubjectSpec
from autointerp.harvest.pages import batches
from autointerp.harvest.run import harvest_shard
from autointerp.subject.corpus import Corpus, open_corpus
from autointerp.subject.encoding import fired
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.sae import Dictionary
from benchmarks.random_world import SaeShape, Shape, load_saes, make_corpus, make_model, make_sae
from benchmarks.storing import Open, store_time
from benchmarks.tables import Line, at_most, noted, show

SHAPES = {"small": Shape(layers=4, width=256, heads=8), "large": Shape(layers=16, width=2048, heads=16)}
CONTEXT, BATCH, TURN = 256, 16, 24
MEMORY_TOKENS = 1_000_000


@dataclass
class Clock:
    """Seconds spent in the harvest, in the plain bare loops and in the fast ones."""

    harvest: float = 0.0
    plain: float = 0.0
    fast: float = 0.0


@dataclass
class Turns:
    """Lets the bare loops read the batches that the harvest has just read, a few at a time; one loop for each SAE."""

    model: SubjectModel
    saes: Sequence[Dictionary]
    corpus: Corpus
    firsts: Sequence[int]
    clock: Clock = field(default_factory=Clock)
    done: int = 0
    read: int = 0
    mark: float = 0.0
    shard_bytes: Callable[[], int] = lambda: 0
    most_bytes: int = 0

    def warm_up(self) -> None:
        """Read a batch first, so that nothing is compiled or allocated for the first time while a clock runs."""
        self._loop(self.firsts[:1], self.saes[0], lambda s, acts: (s.encode(acts), fired(s, acts.flatten(0, 1))))

    def begin(self) -> None:
        """Start the harvest's clock."""
        self.mark = time.perf_counter()

    def progress(self, _: int) -> None:
        """Be told that the harvest read one more batch."""
        self.done += 1
        if self.done - self.read >= TURN or self.done == len(self.firsts):
            self.clock.harvest += time.perf_counter() - self.mark
            self.most_bytes = max(self.most_bytes, self.shard_bytes())
            self._take_turn()
            self.begin()

    def end(self) -> None:
        """Stop the harvest's clock."""
        self.clock.harvest += time.perf_counter() - self.mark

    def _take_turn(self) -> None:
        rows = self.firsts[self.read : self.done]
        self.read = self.done
        for sae in self.saes:
            self.clock.plain += seconds(lambda sae=sae: self._loop(rows, sae, lambda s, acts: s.encode(acts)))
            self.clock.fast += seconds(
                lambda sae=sae: self._loop(rows, sae, lambda s, acts: fired(s, acts.flatten(0, 1)))
            )

    def _loop(self, rows: Sequence[int], sae: Dictionary, encode: Callable[[Dictionary, torch.Tensor], object]) -> None:
        for first in rows:
            tokens = torch.from_numpy(self.corpus.block(first, BATCH).tokens.astype(np.int64))
            encode(sae, self.model.read(tokens, [sae.hook])[sae.hook])
        if self.model.device != "cpu":
            torch.cuda.synchronize()


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Bench:
    """A subject model, and a folder for what is made."""

    folder: Path
    model: SubjectModel
    tokens: int

    def spec(self, saes: Sequence[SaeSpec], tokens: int) -> HarvestSpec:
        """Return the spec of a harvest."""
        return HarvestSpec(
            subject=SubjectSpec(model=str(self.folder / "model")),
            saes=tuple(saes),
            corpus=CorpusSpec(kind="stdlib"),
            tokens=tokens,
            context=CONTEXT,
            batch=BATCH,
        )

    def shards(self, spec: HarvestSpec) -> Path:
        """Return where the shards of a harvest are kept."""
        return self.folder / f"shards-{spec.digest[:12]}"

    def sae(self, shape: SaeShape) -> SaeSpec:
        """Make an SAE."""
        return make_sae(self.folder, self.model, shape)

    def run(self, specs: Sequence[SaeSpec]) -> tuple[Clock, Turns, HarvestSpec]:
        """Harvest with bare loops in between."""
        spec = self.spec(specs, self.tokens)
        saes = load_saes(specs, self.model)
        corpus = open_corpus(spec.corpus, self.model, context=CONTEXT, tokens=spec.tokens)
        place = self.shards(spec)
        turns = Turns(self.model, saes, corpus, batches(corpus.rows, spec, shard=0), shard_bytes=lambda: size_of(place))
        turns.warm_up()
        turns.begin()
        harvest_shard(self.model, saes, corpus, spec, shard=0, folder=place, progress=turns.progress)
        turns.end()
        return turns.clock, turns, spec


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def one_sae(bench: Bench, shape: SaeShape, target: float, *, store: bool) -> list[Line]:
    """Measure a pass with one SAE, and the way from its last token to the database."""
    specs = [bench.sae(shape)]
    clock, turns, spec = bench.run(specs)
    name = f"{'TopK' if shape.kind == 'topk' else 'JumpReLU'} {shape.active}, {shape.features:,} features"
    table = [
        at_most(f"{name}: harvest / plain bare loop", clock.harvest / clock.plain, target, "ratio"),
        noted(f"{name}: harvest / fast bare loop", clock.harvest / clock.fast, "ratio"),
        noted(f"{name}: harvest", turns.corpus.tokens / clock.harvest, "tokens/s"),
        at_most(f"{name}: bytes on disk during the pass", turns.most_bytes, 0, "bytes"),
    ]
    if store:
        opened = Open(bench.model, turns.saes, turns.corpus)
        stored = store_time(bench.folder / f"{spec.digest[:12]}.db", bench.shards(spec), opened, spec)
        table.append(at_most(f"{name}: last token to database / pass", stored / clock.harvest, 0.10, "ratio"))
    return table


def three_saes(bench: Bench, features: int) -> list[Line]:
    """Measure three SAEs on three hook points in one pass."""
    last = bench.model.layers - 1
    layers = (max(0, last - 2), max(0, last - 1), last)
    clock, _, _ = bench.run([bench.sae(SaeShape("topk", features, 32, layer)) for layer in layers])
    name = f"three TopK SAEs of {features:,} features on three hook points in one pass"
    return [
        at_most(f"{name} / three plain bare loops", clock.harvest / clock.plain, 0.75, "ratio"),
        noted(f"{name} / three fast bare loops", clock.harvest / clock.fast, "ratio"),
    ]


def memory(bench: Bench, features: int) -> list[Line]:
    """Measure the peak memory of a process at a number of tokens, and at four times as many.

    The SAE reads the first layer, so that most of the time and memory goes to what the harvest keeps.
    """
    sae = bench.sae(SaeShape("topk", features, 32, 0))
    corpus = make_corpus(bench.folder, 4 * MEMORY_TOKENS)
    small, large = (_peak(bench, sae, corpus, count * MEMORY_TOKENS) for count in (1, 4))
    return [
        noted(f"peak memory, {features:,} features, {MEMORY_TOKENS:,} tokens", small / 2**20, "MB"),
        at_most(f"peak memory at four times as many tokens / at {MEMORY_TOKENS:,}", large / small, 1.05, "ratio"),
    ]


def _peak(bench: Bench, sae: SaeSpec, corpus: CorpusSpec, tokens: int) -> int:
    spec = bench.spec([sae], tokens).model_copy(update={"corpus": corpus})
    command = [sys.executable, "-m", "benchmarks.peak", spec.model_dump_json()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="only the cases whose name holds this")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    shape = SHAPES[options.shape]
    few, many = (8_192, 32_768) if options.shape == "small" else (65_536, 262_144)
    last = shape.layers - 1
    with tempfile.TemporaryDirectory() as folder:
        path = make_model(Path(folder), shape)
        bench = Bench(Path(folder), load_model(SubjectSpec(model=str(path)), device=options.device), options.tokens)
        cases: dict[str, Callable[[], list[Line]]] = {
            "topk": lambda: one_sae(bench, SaeShape("topk", few, 32, last), 1.10, store=True),
            "wide": lambda: one_sae(bench, SaeShape("topk", many, 32, last), 1.10, store=False),
            "jumprelu": lambda: one_sae(bench, SaeShape("jumprelu", few, 60, last), 1.15, store=False),
            "three": lambda: three_saes(bench, few),
            "memory": lambda: memory(bench, few),
        }
        table: list[Line] = []
        for name, measure in cases.items():
            if options.only in name:
                table += (rows := measure())
                for row in rows:  # an interrupted run leaves these
                    print(f"{row.case}: {row.value:g} {row.unit}", file=sys.stderr)
    threads = f"{torch.get_num_threads()} threads"
    print(f"{shape.name}, context {CONTEXT}, {options.tokens:,} tokens, {options.device}, {threads}")
    show(table, options.json)


if __name__ == "__main__":
    main()
