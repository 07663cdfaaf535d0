"""Intruder: which of these texts does not belong?

Some windows in which the feature fires stand among each other with one in which it is silent, and the judge picks the
odd one out. That needs no explanation, and by default none is shown: the score measures the feature, how far what it
fires on has something in common that a reader can see. It is the same for every explanation of the feature, and stored
with each.

The windows of a set come from one quantile of the feature's activations, or from its whole range, and stand in no other
set; each set is shown with several silent windows, one at a time. Where tokens are marked, as many are marked in the
silent window, at the same distances as in one of the others, so that the marks alone give nothing away.

The idea is that of the intruder scorer in EleutherAI's delphi, after Chang et al. 2009, Reading Tea Leaves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat, zip_longest
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import firing, of_split, spread
from autointerp.analysis.summary import Metric, Recipe, by_group, everything, summarise, undefined
from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Answer, Lineup, Passage, Pick, Picker
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.hashing import canonical_json
from autointerp.scorers._marks import free_place
from autointerp.scorers._trials import too_few

TASK = "intruder"

Set = tuple[Example, ...]


class Config(BaseModel):
    """How many sets of firing windows are shown, with what; with fewer than `least` sets there is no score.

    `threshold`: tokens above this share of their window's strongest are marked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sets: int = Field(default=10, ge=1, description="sets of firing windows, no window in two of them")
    shown: int = Field(default=4, ge=2, le=19, description="firing windows of a set")
    intruders: int = Field(default=2, ge=1, description="silent windows that each set is shown with, one at a time")
    together: Literal["quantile", "range"] = Field(
        default="quantile", description="whether the windows of a set are alike in strength or spread over the range"
    )
    silent: Literal["random", "same_token", "neighbour", "similar_text"] = Field(
        default="random", description="kind of the silent windows"
    )
    marked: bool = Field(default=True, description="mark the tokens on which the feature fires, and as many others")
    threshold: float = Field(default=0.3, ge=0, lt=1)
    show_explanation: bool = Field(default=False, description="tell the judge what the firing windows have in common")
    least: int = Field(default=5, ge=1)

    def build(self, tools: Tools) -> "Intruder":
        """Make the scorer; InvalidSpec when there is no judge, or one that cannot pick the odd one out."""
        return Intruder(self, tools.need_picker("intruder"), tools.seed)


@dataclass(frozen=True, slots=True)
class Shown:
    """One line-up with what the judge must not see: the set, and where the silent window stands."""

    lineup: Lineup
    firing: Set
    windows: tuple[tuple[int, int], ...]
    odd: int


@dataclass(frozen=True, slots=True)
class Intruder:
    """Asks which of several windows is the silent one."""

    config: Config
    judge: Picker
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score a feature on examples of the score split; accuracy is the headline, and 1/n is chance."""
        found = of_split(examples, Split.SCORE)
        sets = self._sets(feature, found)
        wanted = len(sets) * self.config.intruders
        silent = spread(found, [Kind(self.config.silent)], count=wanted, rng=self._rng(feature, "silent"))
        counts = {f"sets_of_{self.config.shown}_firing": len(sets)}
        if sets:
            counts[self.config.silent] = len(silent)
        if reason := too_few(least=self.config.least, **counts):
            return undefined(Metric.ACCURACY, reason)
        shown = list(self._lineups(explanation, feature, sets, silent))
        picks = await self.judge.pick([one.lineup for one in shown])
        trials = [self._trial(one, pick) for one, pick in zip(shown, picks, strict=True)]
        recipe = Recipe(Metric.ACCURACY, None, everything, by_group)
        score = summarise(trials, recipe, rng=self._rng(feature, "bootstrap"))
        return replace(score, metrics=self._metrics(score.value))

    def _sets(self, feature: FeatureRecord, examples: Sequence[Example]) -> list[Set]:
        """The sets, one of each quantile in turn (strongest first), or all of the whole range."""
        active = spread(examples, [Kind.QUANTILE], count=len(examples), rng=self._rng(feature, "firing"))
        size = self.config.shown
        if self.config.together == "quantile":
            quantiles = sorted({e.group for e in active}, reverse=True)
            piles = [_dealt([e for e in active if e.group == group], size) for group in quantiles]
            sets = [one for turn in zip_longest(*piles) for one in turn if one is not None]
        else:
            ranked = sorted(active, key=lambda e: (e.max, e.window))
            strata = [ranked[i * len(ranked) // size : (i + 1) * len(ranked) // size] for i in range(size)]
            rng = self._rng(feature, "strata")
            sets = list(zip(*([stratum[i] for i in rng.permutation(len(stratum))] for stratum in strata), strict=False))
        return sets[: self.config.sets]

    def _lineups(
        self, explanation: str, feature: FeatureRecord, sets: Sequence[Set], silent: Sequence[Example]
    ) -> Iterator[Shown]:
        """Each set with its silent windows; these stand in each place about as often."""
        rng = self._rng(feature, "places")
        pairs = list(zip(chain.from_iterable(repeat(sets, self.config.intruders)), silent, strict=False))
        places = rng.permutation(np.arange(len(pairs)) % (self.config.shown + 1)).tolist()
        for (members, intruder), odd in zip(pairs, places, strict=True):
            ordered = [members[i] for i in rng.permutation(len(members))]
            passages = [self._passage(example) for example in ordered]
            passages.insert(odd, self._intruder(intruder, ordered, rng))
            ordered.insert(odd, intruder)
            claim = explanation if self.config.show_explanation else None
            yield Shown(Lineup(TASK, tuple(passages), claim), members, tuple(e.window for e in ordered), odd)

    def _passage(self, example: Example) -> Passage:
        return Passage(example.pieces, firing(example, self.config.threshold) if self.config.marked else ())

    def _intruder(self, intruder: Example, others: Sequence[Example], rng: np.random.Generator) -> Passage:
        """The silent window, marked after the pattern of the first of the others that fits into it."""
        if not self.config.marked:
            return Passage(intruder.pieces)
        patterns = [np.flatnonzero(firing(example, self.config.threshold)) for example in others]
        fitting = (place for marks in patterns if (place := free_place(marks, intruder, rng)) is not None)
        chosen = next(fitting, np.arange(min(len(patterns[0]), len(intruder.pieces))))
        return Passage(intruder.pieces, tuple(bool(mark) for mark in np.isin(np.arange(len(intruder.pieces)), chosen)))

    def _trial(self, shown: Shown, pick: Pick) -> Trial:
        """A trial whose verdict is whether the silent window was picked; those of one set are resampled together."""
        verdict = None if pick.position is None else pick.position == shown.odd
        quantile = self.config.together == "quantile"
        return Trial(
            group=shown.firing[0].group if quantile else Group(Kind.QUANTILE),
            window=min(example.window for example in shown.firing),
            truth=True,
            answer=Answer(verdict, pick.confidence, pick.kind, pick.unread, pick.request),
            note=canonical_json({"windows": shown.windows, "odd": shown.odd, "picked": pick.position}),
        )

    def _metrics(self, accuracy: float | None) -> dict[str, float | None]:
        """Chance, and how much of the way from chance to certainty the accuracy went (below 0: worse than chance)."""
        chance = 1 / (self.config.shown + 1)
        return {"chance": chance, "above_chance": None if accuracy is None else (accuracy - chance) / (1 - chance)}

    def _rng(self, feature: FeatureRecord, use: str) -> np.random.Generator:
        return rng_for(self.seed, feature.name, TASK, use)


def _dealt(examples: Sequence[Example], size: int) -> list[Set]:
    """As many whole sets as the examples make, in their order."""
    return [tuple(examples[i : i + size]) for i in range(0, len(examples) - size + 1, size)]
