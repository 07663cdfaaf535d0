"""Rubric: how specific is the explanation to what the feature fires on, over the range of its activations?

A language model sees windows with the most active token marked and rates from 0 to 3 how closely the explanation fits
the marked text. The windows are spread over equal intervals of the feature's activation, so that it shows whether the
explanation still fits where the feature fires weakly. Random silent windows with a token marked in the middle are rated
among them: what they get is what the explanation gets anywhere.

The value is the mean of the intervals' mean ratings, each with the same weight, and so lies between 0 and 3. It says
nothing of text that the explanation fits and in which the feature is silent.

The protocol is that of Templeton et al. 2024, Scaling Monosemanticity, which rates a thousand activations a feature;
the rubric is told in our own words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from string import ascii_lowercase
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, create_model

from autointerp.analysis.choosing import of_split, spread
from autointerp.analysis.levels import interval_of
from autointerp.analysis.ratings import CLEAN, LEVELS, Rating, specificity
from autointerp.analysis.summary import Metric, undefined
from autointerp.domain.calls import Request
from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.explanations import Unread
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Answer, Passage
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.hashing import canonical_json
from autointerp.llm.asker import Asker, LLMOptions
from autointerp.llm.asking import ask_json, at_once
from autointerp.scorers._trials import too_few

TASK = "rubric"
INTERVALS = 12


class Config(LLMOptions):
    """Which model rates, and how many windows; below `least` firing ones there is no score."""

    prompt: str = "scorers/rubric"
    interval: int = Field(default=24, ge=1, description="firing windows, spread over the intervals of the activation")
    random: int = Field(default=10, ge=0, description="silent windows")
    questions: Literal[1, 5, 10, 20] = Field(default=10, description="windows a request")
    least: int = Field(default=5, ge=1)

    def build(self, tools: Tools) -> "Rubric":
        """Make the scorer; InvalidSpec when no language model is at hand."""
        return Rubric(self, self.asker(tools, "the rubric scorer"), tools.seed)


@dataclass(frozen=True, slots=True)
class Rubric:
    """Asks a language model to rate how closely an explanation fits marked text."""

    config: Config
    asker: Asker
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on examples of the score split; LLMError and OutOfBudget are the caller's."""
        found = of_split(examples, Split.SCORE)
        active = self._active(feature, found)
        if reason := too_few(least=self.config.least, firing=len(active)):
            return undefined(Metric.SPECIFICITY, reason)
        silent = spread(found, [Kind.RANDOM], count=self.config.random, rng=self._rng(feature, "random"))
        shown = [*active, *silent]
        mixed = [shown[i] for i in self._rng(feature, "order").permutation(len(shown))]
        chunks = [mixed[i : i + self.config.questions] for i in range(0, len(mixed), self.config.questions)]
        ratings = await at_once(self._rate(explanation, chunk) for chunk in chunks)
        return specificity([one for chunk in ratings for one in chunk], rng=self._rng(feature, "bootstrap"))

    def _active(self, feature: FeatureRecord, examples: Sequence[Example]) -> list[Example]:
        """Firing windows in turn from each interval: those that the harvest drew so, then those of its quantiles.

        A feature that fires at a few strengths only has few windows of intervals, and a harvest may keep none.
        """
        chosen: dict[tuple[int, int], Example] = {}
        for kind in (Kind.INTERVAL, Kind.QUANTILE):
            free = [e for e in examples if e.group.kind is kind and e.window not in chosen]
            placed = [replace(e, group=_interval(e.max, feature.statistics.max)) for e in free]
            count = self.config.interval - len(chosen)
            drawn = spread(placed, [Kind.INTERVAL], count=count, rng=self._rng(feature, kind))
            chosen |= {example.window: example for example in drawn}
        return list(chosen.values())

    async def _rate(self, explanation: str, examples: Sequence[Example]) -> list[Rating]:
        heard = await ask_json(self.asker.llm, self._request(explanation, examples), _ratings(len(examples)))
        if isinstance(heard, Unread):
            answer = Answer(None, unread=heard.kind, request=heard.request)
            return [_rating(example, None, answer) for example in examples]
        levels: list[int] = [level for _, level in heard.value]
        answers = [Answer(level == CLEAN, request=heard.request.key) for level in levels]
        return [_rating(*row) for row in zip(examples, levels, answers, strict=True)]

    def _request(self, explanation: str, examples: Sequence[Example]) -> Request:
        passages = [{"id": letter, "passage": _peak(e)} for letter, e in zip(ascii_lowercase, examples, strict=False)]
        values = {"explanation": explanation, "passages": passages}
        return self.asker.request(self.config.prompt, values, schema=_schema(len(examples)))

    def _rng(self, feature: FeatureRecord, use: str) -> np.random.Generator:
        return rng_for(self.seed, feature.name, TASK, use)


def _interval(activation: float, strongest: float) -> Group:
    return Group(Kind.INTERVAL, interval_of(activation, strongest=strongest, intervals=INTERVALS))


def _peak(example: Example) -> Passage:
    return Passage(example.pieces, tuple(i == example.peak for i in range(len(example.pieces))))


def _rating(example: Example, level: int | None, answer: Answer) -> Rating:
    note = canonical_json({"activation": example.max, "marked": example.peak, "rating": level})
    trial = Trial(example.group, example.window, truth=not example.silent, answer=answer, note=note)
    return Rating(trial, example.max, level)


@lru_cache
def _schema(count: int) -> str:
    letters = list(ascii_lowercase[:count])
    return canonical_json(
        {
            "type": "object",
            "properties": {letter: {"type": "integer", "enum": LEVELS} for letter in letters},
            "required": letters,
            "additionalProperties": False,
        }
    )


@lru_cache
def _ratings(count: int) -> type[BaseModel]:
    strict = ConfigDict(extra="forbid", strict=True)
    level = Annotated[int, Field(ge=LEVELS[0], le=LEVELS[-1])]
    fields: dict[str, Any] = dict.fromkeys(ascii_lowercase[:count], (level, ...))
    return create_model(f"Ratings{count}", __config__=strict, **fields)
