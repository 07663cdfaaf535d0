"""Trained SAEs beside what they should beat, on real models: everything the same but the directions.

A random SAE has as many features as the trained one, along random directions through the mean, of which as many fire
at a token. Explanations come from token statistics, and every judge that needs no language model scores them.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autointerp import demo, wiring
from autointerp.analysis.aggregates import Aggregate
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.runs import create_run, wait_run
from autointerp.runs.summary import summarise_run
from benchmarks.llm_run import harvested, settings
from benchmarks.tables import markdown

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
STORIES = SHARED / "models" / "stories260K"
TALES = SHARED / "corpora" / "tinystories_clean.jsonl"
TOKENS = 300_000
SCORERS = [
    {"name": "detection", "judge": "lexical"},
    {"name": "detection", "judge": "embedding"},
    {"name": "fuzzing", "judge": "lexical"},
    {"name": "fuzzing", "judge": "embedding"},
    {"name": "intruder", "judge": "lexical"},
    {"name": "intruder", "judge": "embedding"},
    {"name": "retrieval", "judge": "lexical"},
]
# These ask a language model of our own about every passage, ten seconds a feature, so they get fewer features.
SLOW = [{"name": "surprisal"}, {"name": "intervention", "judge": "lexical"}]
SAMPLES = ((SCORERS, 40), (SLOW, 10))


@dataclass(frozen=True)
class World:
    """A model with its corpus, and trained SAEs with how many features they have and how many of them fire."""

    name: str
    model: Path
    corpus: Mapping[str, object]
    saes: Mapping[str, Path]
    hook: str
    neurons: str
    features: int
    active: int

    @property
    def dictionaries(self) -> dict[str, dict[str, object]]:
        """What is compared, by name."""
        trained: dict[str, dict[str, object]] = {name: {"path": str(path)} for name, path in self.saes.items()}

        def baseline(kind: str, hook: str, **options: int) -> dict[str, object]:
            return {"baseline": {"kind": kind, "k": self.active, **options}, "hook": hook}

        return trained | {
            "random SAE": baseline("random", self.hook, directions=self.features // 2),
            "neurons": baseline("neurons", self.neurons),
            "PCA": baseline("pca", self.hook),
            "ICA": baseline("ica", self.hook),
            "random directions": baseline("random", self.hook),
        }


BUNDLED = World(
    name="bundled model of Python sources",
    model=demo.MODEL,
    corpus={"kind": "stdlib"},
    saes={"SAE (TopK)": demo.SAE_TOPK, "SAE (JumpReLU)": demo.SAE_JUMPRELU},
    hook=demo.HOOK,
    neurons=f"{demo.HOOK}.mlp.down_proj.input",
    features=2048,
    active=24,
)
WORLDS = ("bundled", "stories")


def real(folder: Path, names: Collection[str] = WORLDS) -> dict[str, object]:
    """Compare on the bundled model and on a story model, where that is at hand; print a table for each."""
    found: dict[str, object] = {}
    for world in _worlds(folder, names):
        own = folder / world.name.split()[0]
        own.mkdir()
        scores = _scores(own, world)
        print(f"{world.name}: mean score and its 95 % interval over features\n\n{markdown(_table(scores))}\n")
        found[world.name] = {
            name: {label: [one.mean, one.interval, one.scored] for label, one in by.items()}
            for name, by in scores.items()
        }
    return found


def _worlds(folder: Path, names: Collection[str]) -> Iterator[World]:
    if "bundled" in names:
        yield BUNDLED
    if "stories" not in names:
        return
    if not (STORIES.is_dir() and TALES.is_file()):
        print(f"The story model is left out: {STORIES} or {TALES} is not there.\n")
        return
    yield World(
        name="stories260K on TinyStories",
        model=STORIES,
        corpus={"kind": "jsonl", "path": str(TALES)},
        saes={"SAE (TopK)": _train(folder / "stories-sae")},
        hook="model.layers.2",
        neurons="model.layers.2.mlp.down_proj.input",
        features=512,
        active=8,
    )


def _train(folder: Path) -> Path:
    """Train a TopK SAE on the residual stream of the story model."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from autointerp.demo.training import sae, tokens
    from autointerp.demo.training.recipe import FULL, SaeRecipe

    recipe = replace(
        FULL,
        model=replace(FULL.model, width=64),
        sae=SaeRecipe(hook="model.layers.2", features=512, batch_tokens=1024, steps=750, rate=2e-3, seed=0),
        topk=8,
    )
    model, tokenizer = AutoModelForCausalLM.from_pretrained(STORIES), AutoTokenizer.from_pretrained(STORIES)
    texts = [json.loads(line)["text"] for line in TALES.read_text(encoding="utf-8").splitlines()]
    boundary = tokens.boundary_of(tokenizer)
    rows = tokens.contexts(tokens.stream(tokenizer, texts), length=256, boundary=boundary)
    sae.train(recipe, sae.topk(recipe), model, tokenizer, rows, folder)
    return folder


def _scores(folder: Path, world: World) -> dict[str, dict[str, Aggregate]]:
    """Harvest all dictionaries in one pass, and run the same over each."""
    named = world.dictionaries
    harvest = HarvestSpec.model_validate(
        {
            "subject": {"model": str(world.model)},
            "saes": list(named.values()),
            "corpus": dict(world.corpus),
            "tokens": TOKENS,
        }
    )
    key = harvested(folder, harvest)
    chosen = settings(folder)
    database = wiring.open_database(chosen)
    found: dict[str, dict[str, Aggregate]] = {}
    with wiring.open_desk(chosen, database) as desk, wiring.embedded_worker(chosen, database):
        for place, name in enumerate(named):
            found[name] = {}
            for scorers, sample in SAMPLES:
                spec = RunSpec.model_validate(
                    {
                        "harvest": key,
                        "features": {"sae": place, "sample": sample, "min_firings": 100},
                        "explainers": ["token_statistics"],
                        "scorers": scorers,
                        "controls": {"features": 0},
                    }
                )
                run = wait_run(desk, create_run(desk, spec, idempotency_key=None).id, timeout=7_200, poll=0.5)
                found[name] |= {one.scorer.label: one.aggregate for one in summarise_run(database, run.id)}
            print(f"{name}: {', '.join(f'{label} {_cell(one)}' for label, one in found[name].items())}", flush=True)
    database.close()
    return found


def _table(scores: Mapping[str, Mapping[str, Aggregate]]) -> list[list[float | str | None]]:
    labels = list(next(iter(scores.values())))
    return [["", *labels], *([name, *(_cell(by.get(label)) for label in labels)] for name, by in scores.items())]


def _cell(found: Aggregate | None) -> str | None:
    if found is None or found.mean is None:
        return None
    low, high = found.interval or (found.mean, found.mean)
    return f"{found.mean:.2f} [{low:.2f}, {high:.2f}]"
