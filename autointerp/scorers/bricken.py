"""Bricken: can a language model rank the activations of sixty short passages, token by token, from the explanation?

All passages are shown at once, nine tokens each, in a random order and without a word on where they come from: 6 with
the strongest firings, 2 from each of the 12 equal intervals of the feature's activations, 10 in which it is silent, and
20 in which it is silent on a token that it fires on elsewhere. Predictions and truth are levels from 0 to 9, and the
score is Spearman's correlation over all tokens. Half of the passages are negatives, most of them hard ones, so that
a list of tokens scores low; nine tokens are too few to show what fires on a longer context.

Beside it stand Pearson's correlation; Spearman's with each sort of passage weighted by how common it is, which rewards
an explanation that never fires; and the logit score, the balanced accuracy at telling the tokens that the feature
promotes from others, where a coin scores 0.5.

The protocol is that of Bricken et al. 2023, Towards Monosemanticity (appendix on automated interpretability).
"""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from autointerp.analysis.choosing import of_split, spread, strongest
from autointerp.analysis.correlation import pearson, spearman
from autointerp.analysis.levels import interval_of, quantise, share_of_firings
from autointerp.analysis.predictions import Guess, Prediction, rows, score, with_interval
from autointerp.analysis.summary import RESAMPLES, Metric, Recipe, everything, summarise, undefined
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Tools
from autointerp.llm.asker import Asker, LLMOptions
from autointerp.llm.asking import at_once
from autointerp.scorers import _promoted
from autointerp.scorers._passages import MOST, plausible, predict
from autointerp.scorers._promoted import Candidate
from autointerp.scorers._stretches import Stretch, stretches
from autointerp.scorers._trials import too_few

TASK = "bricken"


class Config(LLMOptions):
    """Which passages are shown, how long they are, and who predicts; with fewer than `least` there is no score.

    `around` tokens are shown on each side of a passage's centre. `intervals` are those by which firings are weighted.
    `promoted` tokens after the first `skip` that the harvest kept, and as many others, make the logit score; 0: none.
    """

    prompt: str = "scorers/bricken"
    logit_prompt: str = "scorers/bricken_logits"
    top: int = Field(default=6, ge=0, description="passages with the strongest firings")
    interval: int = Field(
        default=24, ge=0, description="firing passages spread over the interval groups (the quantile groups if none)"
    )
    random: int = Field(default=10, ge=0, description="silent passages")
    same_token: int = Field(default=20, ge=0, description="silent passages with a token it fires on elsewhere")
    around: int = Field(default=4, ge=0)
    intervals: int = Field(default=12, ge=1)
    promoted: int = Field(default=50, ge=0, le=200)
    skip: int = Field(
        default=10, ge=0, description="strongest promoted tokens left out; an explainer may have seen them"
    )
    max_tokens: int = Field(default=8_000, ge=16)
    least: int = Field(default=20, ge=2)

    def build(self, tools: Tools) -> "Bricken":
        """Make the scorer; InvalidSpec when no language model is at hand."""
        return Bricken(self, self.asker(tools, "the bricken scorer"), tools.seed)


@dataclass(frozen=True, slots=True)
class Bricken:
    """Has the activations of short passages predicted from the explanation."""

    config: Config
    asker: Asker
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation on examples of the score split; Spearman's correlation is the headline."""
        found = of_split(examples, Split.SCORE)
        shown = self._choose(feature, found)
        if reason := self._too_few(shown):
            return undefined(Metric.SPEARMAN, reason)
        tokens = self._tokens(feature, found)
        asked: list[Coroutine[Any, Any, Any]] = [
            predict(self.asker, self.config.prompt, explanation, [one.pieces for one in shown]),
            plausible(self.asker, self.config.logit_prompt, explanation, tokens),
        ]
        predicted, logits = await at_once(asked)
        made = self._summarise(feature, self._predictions(feature, shown, predicted.guesses), logits)
        return replace(made, prompt=predicted.prompt)

    def _choose(self, feature: FeatureRecord, found: Sequence[Example]) -> tuple[Stretch, ...]:
        """The passages to show, each text once, in the order that they are shown in."""
        config = self.config
        chosen = list(strongest(found, count=config.top))
        spread_over = Kind.INTERVAL if any(e.group.kind is Kind.INTERVAL for e in found) else Kind.QUANTILE
        for kind, count in (
            (spread_over, config.interval),
            (Kind.RANDOM, config.random),
            (Kind.SAME_TOKEN, config.same_token),
        ):
            taken = {e.window for e in chosen}
            rng = rng_for(self.seed, feature.name, TASK, kind)
            chosen += spread([e for e in found if e.window not in taken], [kind], count=count, rng=rng)
        cut = stretches(chosen, around=config.around, top_tokens=feature.statistics.top_tokens)
        order = rng_for(self.seed, feature.name, TASK, "order").permutation(len(cut))
        return tuple(cut[i] for i in order)

    def _too_few(self, shown: Sequence[Stretch]) -> str | None:
        firing = sum(not one.example.silent for one in shown)
        return too_few(least=self.config.least, different=len(shown)) or too_few(
            least=1, firing=firing, silent=len(shown) - firing
        )

    def _tokens(self, feature: FeatureRecord, found: Sequence[Example]) -> tuple[Candidate, ...]:
        return _promoted.candidates(
            feature.statistics,
            [e for e in found if e.group.kind is Kind.RANDOM],
            skip=self.config.skip,
            count=self.config.promoted,
            rng=rng_for(self.seed, feature.name, TASK, "tokens"),
        )

    def _predictions(
        self, feature: FeatureRecord, shown: Sequence[Stretch], guesses: Sequence[Guess]
    ) -> list[Prediction]:
        top = _strongest(feature, shown)
        return [
            Prediction(
                group=one.example.group,
                window=one.example.window,
                part=one.example.group.kind,
                true=quantise(one.activations, strongest=top, most=MOST),
                guess=guess,
                most=MOST,
                weight=self._weight(feature, one.example, top),
            )
            for one, guess in zip(shown, guesses, strict=True)
        ]

    def _weight(self, feature: FeatureRecord, example: Example, top: float) -> float:
        """How common such a passage is beside the random ones, which weigh 1.

        The strongest passages and those of the same token are samples of nothing, and weigh nothing.
        """
        if example.group.kind is Kind.RANDOM:
            return 1.0
        if example.silent or example.group.kind is Kind.TOP:
            return 0.0
        count = self.config.intervals
        place = interval_of(example.max, strongest=top, intervals=count)
        low, high = top * place / count, top * (place + 1) / count
        return feature.statistics.density * share_of_firings(feature.statistics.histogram, low=low, high=high)

    def _summarise(self, feature: FeatureRecord, predictions: Sequence[Prediction], logits: Sequence[Trial]) -> Score:
        def rng(name: str) -> Any:
            return rng_for(self.seed, feature.name, TASK, "bootstrap", name)

        weighted = rows(predictions)
        plain = [replace(row, weight=1.0) for row in weighted]
        headline = spearman(plain, resamples=RESAMPLES, rng=rng("spearman"))
        recipe = Recipe(Metric.BALANCED_ACCURACY, None, everything, _promoted.label)
        told = summarise(logits, recipe, rng=rng("logits"))
        low, high = told.interval or (None, None)
        metrics = {
            **with_interval("pearson", pearson(plain, resamples=RESAMPLES, rng=rng("pearson"))),
            **with_interval("weighted_spearman", spearman(weighted, resamples=RESAMPLES, rng=rng("weighted"))),
            "logit_balanced_accuracy": told.value,
            "logit_balanced_accuracy_low": low,
            "logit_balanced_accuracy_high": high,
            "logit_promoted": float(sum(trial.truth for trial in logits)),
            "logit_others": float(sum(not trial.truth for trial in logits)),
        }
        return score(
            predictions,
            headline,
            metric=Metric.SPEARMAN,
            metrics=metrics,
            beside=logits,
            beside_groups=told.breakdown,
        )


def _strongest(feature: FeatureRecord, shown: Sequence[Stretch]) -> float:
    return feature.statistics.max or max(one.example.max for one in shown)
