"""Fuzzing: does the judge tell the tokens on which the feature fires from others, by the explanation?

Positives are firing windows with the clearly active tokens marked. Negatives have other tokens marked, in silent
windows (random ones, or with `silent` of a harder kind) or, with `wrong = "firing"`, in firing windows, where only the
marks can give the answer away.

The protocol is that of Paulo et al. 2024, Automatically Interpreting Millions of Features in Large Language Models.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import of_split, spread
from autointerp.analysis.summary import Metric, Recipe, by_group, everything, summarise, undefined
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Judge, Question
from autointerp.domain.scores import Score
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.scorers._marks import Marked, Pair, pairs
from autointerp.scorers._trials import Ask, put, too_few

TASK = "fuzzing"


class Config(BaseModel):
    """How many windows are marked right, and as many wrong; below `least` of either there is no score.

    `threshold`: tokens above this share of their example's strongest are the right ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantile: int = Field(default=50, ge=1, description="firing windows, spread over the quantile groups")
    wrong: Literal["silent", "firing"] = Field(default="silent", description="where tokens are marked wrongly")
    silent: Literal["random", "same_token", "neighbour", "similar_text"] = Field(
        default="random", description="kind of the silent windows that are marked"
    )
    threshold: float = Field(default=0.3, ge=0, lt=1)
    least: int = Field(default=5, ge=1)

    def build(self, tools: Tools) -> "Fuzzing":
        """Make the scorer; InvalidSpec when there is no judge."""
        return Fuzzing(self, tools.need_judge("fuzzing"), tools.seed)


@dataclass(frozen=True, slots=True)
class Fuzzing:
    """Asks whether the marked tokens are the ones that the explanation speaks of."""

    config: Config
    judge: Judge
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on examples of the score split; balanced accuracy is the headline."""
        found = of_split(examples, Split.SCORE)
        firing = spread(found, [Kind.QUANTILE], count=self.config.quantile, rng=self._rng(feature, "positives"))
        if reason := too_few(least=self.config.least, firing=len(firing)):
            return undefined(Metric.BALANCED_ACCURACY, reason)
        hosts = firing
        if self.config.wrong == "silent":
            hosts = spread(found, [Kind(self.config.silent)], count=len(firing), rng=self._rng(feature, "negatives"))
        matched = pairs(firing, hosts, threshold=self.config.threshold, rng=self._rng(feature, "marks"))
        if reason := too_few(least=self.config.least, wrongly_marked=len(matched)):
            return undefined(Metric.BALANCED_ACCURACY, reason)
        trials = await put(self.judge, [ask for pair in matched for ask in _asks(explanation, pair)])
        recipe = Recipe(Metric.BALANCED_ACCURACY, feature.statistics.density, everything, by_group)
        return summarise(trials, recipe, rng=self._rng(feature, "bootstrap"))

    def _rng(self, feature: FeatureRecord, use: str) -> np.random.Generator:
        return rng_for(self.seed, feature.name, TASK, use)


def _asks(explanation: str, pair: Pair) -> tuple[Ask, Ask]:
    return _ask(explanation, pair.right, truth=True), _ask(explanation, pair.wrong, truth=False)


def _ask(explanation: str, marked: Marked, *, truth: bool) -> Ask:
    start, stop = marked.cut
    places = ",".join(str(start + i) for i, mark in enumerate(marked.passage.marks) if mark)
    note = f"tokens {start} to {stop - 1} shown, marked {places}"
    question = Question(TASK, explanation, marked.passage)
    return Ask(question, marked.example.group, marked.example.window, truth=truth, note=note)
