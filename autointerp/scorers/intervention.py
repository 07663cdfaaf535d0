"""Intervention: does turning the feature up make the subject model write what the explanation says?

Prompts are windows over the feature's activation range, each cut after the first token on which the feature fires, so
that the clean model is about to use it. The feature's direction is added at the last token of the prompt and at every
generated one, as strongly as moves the next-token distribution by a mean KL divergence of 1 nat: strong enough to show
in a few tokens, weak enough to leave text that can be read, and the same for every feature, because scores can only be
compared at equal divergence. The judge chooses which of the two continuations shows more of the explanation; they come
in a random order, half of them with the steered one first, so any constant answer scores 0.5, as do continuations that
the feature does not change: where a judge that compares the two finds no difference, the answer counts half. With
`mode = "ablate"` the feature is set to zero instead, and the clean text shows more.

The protocol is that of Paulo et al. 2024, Automatically Interpreting Millions of Features in Large Language Models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import of_split, spread
from autointerp.analysis.steering import Strength, find, prompt
from autointerp.analysis.summary import Metric, Recipe, even, everything, summarise, undefined
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Judge, Passage, Question
from autointerp.domain.scores import Score, Trial
from autointerp.domain.seeds import rng_for
from autointerp.domain.steering import Change, Mode, Steer, Steered
from autointerp.domain.tools import Tools
from autointerp.hashing import canonical_json, stable_int
from autointerp.scorers._trials import Ask, put, too_few

TASK = "intervention"


class Config(BaseModel):
    """How the feature is changed, on how many prompts, and how much is written; sizes are in tokens.

    `kl` is the mean divergence in nats that the change must cause, met within `tolerance` (a share). `largest` is the
    strength at which the search gives up, in multiples of the feature's strongest activation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["add", "ablate"] = "add"
    prompts: int = Field(default=30, ge=1)
    prompt_tokens: int = Field(
        default=64,
        ge=1,
        description="the most that are kept of a prompt; it lies within one window of the harvest (32 tokens unless "
        "set otherwise), so only a smaller number than that shortens it",
    )
    tokens: int = Field(default=8, ge=1, description="written after each prompt")
    temperature: float = Field(default=1.0, ge=0)
    kl: float = Field(default=1.0, gt=0)
    tolerance: float = Field(default=0.1, gt=0, lt=1)
    largest: float = Field(default=100.0, gt=1)
    least: int = Field(default=5, ge=1)

    def build(self, tools: Tools) -> "Intervention":
        """Make the scorer; InvalidSpec when there is no judge, or no subject model to steer."""
        return Intervention(self, tools.need_judge("intervention"), tools.need_steer("intervention"), tools.seed)


@dataclass(frozen=True, slots=True)
class Intervention:
    """Asks which of two continuations was written with the feature turned up."""

    config: Config
    judge: Judge
    steer: Steer
    seed: int

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score:
        """Score an explanation by steering from examples of the score split; accuracy is the headline."""
        found = of_split(examples, Split.SCORE)
        rng = rng_for(self.seed, feature.name, TASK, "prompts")
        chosen = spread(found, [Kind.QUANTILE], count=self.config.prompts, rng=rng)
        if reason := too_few(least=self.config.least, firing=len(chosen)):
            return undefined(Metric.ACCURACY, reason)
        prompts = [prompt(example, self.config.prompt_tokens) for example in chosen]
        strength = await self._strength(feature, prompts)
        if isinstance(strength, str):
            return undefined(Metric.ACCURACY, strength)
        clean, changed = await self._write(feature, prompts, strength)
        order = rng_for(self.seed, feature.name, TASK, "order").permutation(len(chosen)) % 2 == 0
        rows = zip(chosen, clean, changed, order.tolist(), strict=True)
        trials = await put(self.judge, [self._ask(explanation, strength, *row) for row in rows])
        return self._summarise(feature, trials, strength, clean, changed)

    async def _strength(self, feature: FeatureRecord, prompts: Sequence[Sequence[int]]) -> Strength | str:
        async def mean_kl(strength: float) -> float:
            return float(np.mean(await self.steer.kl(prompts, self._change(feature, strength))))

        if self.config.mode == "ablate":
            return Strength(0.0, await mean_kl(0.0))
        start = feature.statistics.max
        return await find(
            mean_kl,
            target=self.config.kl,
            tolerance=self.config.tolerance,
            start=start,
            largest=start * self.config.largest,
        )

    def _change(self, feature: FeatureRecord, strength: float) -> Change:
        return Change(feature.index, Mode(self.config.mode), strength)

    async def _write(
        self, feature: FeatureRecord, prompts: Sequence[Sequence[int]], strength: Strength
    ) -> tuple[Sequence[Steered], Sequence[Steered]]:
        """Continue each prompt without and with the change, by the same random numbers."""
        seed = stable_int(self.seed, feature.name, TASK, "write")
        tokens, temperature = self.config.tokens, self.config.temperature
        change = self._change(feature, strength.strength)
        clean = await self.steer.generate(prompts, None, tokens=tokens, temperature=temperature, seed=seed)
        changed = await self.steer.generate(prompts, change, tokens=tokens, temperature=temperature, seed=seed)
        return clean, changed

    def _ask(
        self, explanation: str, strength: Strength, example: Example, clean: Steered, changed: Steered, first: bool
    ) -> Ask:
        """Ask about one pair; the truth is whether the text with more of the feature comes first."""
        more, less = (changed, clean) if self.config.mode == "add" else (clean, changed)
        pair = (more, less) if first else (less, more)
        question = Question(TASK, explanation, *(Passage(steered.pieces) for steered in pair))
        note = canonical_json(
            {"strength": strength.strength, "clean": "".join(clean.pieces), "changed": "".join(changed.pieces)}
        )
        return Ask(question, example.group, example.window, truth=first, note=note)

    def _summarise(
        self,
        feature: FeatureRecord,
        trials: Sequence[Trial],
        strength: Strength,
        clean: Sequence[Steered],
        changed: Sequence[Steered],
    ) -> Score:
        recipe = Recipe(Metric.ACCURACY, None, everything, lambda trial: str(trial.group), tied=even)
        score = summarise(trials, recipe, rng=rng_for(self.seed, feature.name, TASK, "bootstrap"))
        same = float(np.mean([a.pieces == b.pieces for a, b in zip(clean, changed, strict=True)]))
        return replace(
            score, metrics={**score.metrics, "strength": strength.strength, "kl": strength.kl, "identical": same}
        )
